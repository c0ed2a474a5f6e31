/** What each chart shows; rows are the tables' own, so chart and table cannot differ. */
import type { CustomSeriesRenderItemAPI } from "echarts";
import type { EChartsCoreOption } from "echarts/core";
import type { Paint } from "../common/chart";
import { say } from "./words";

type Row = DOMStringMap;
type Drawing = (paint: Paint) => EChartsCoreOption;

/** Numbers of an attribute; what is none (a rate of nothing) is null. */
export function numbers(text: string | undefined): (number | null)[] {
  return (text ?? "")
    .trim()
    .split(/[ ,]+/)
    .map((part) => (part === "" || Number.isNaN(Number(part)) ? null : Number(part)));
}

function common(paint: Paint): EChartsCoreOption {
  return {
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: paint.ink },
    grid: { left: 44, right: 44, top: 56, bottom: 28, containLabel: false },
    legend: { top: 0, textStyle: { color: paint.ink }, itemHeight: 10 },
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: paint.card,
      borderColor: paint.line,
      textStyle: { color: paint.ink },
      valueFormatter: (value: unknown) =>
        typeof value === "number" ? String(Math.round(value * 10) / 10) : "–",
    },
  };
}

function axis(paint: Paint, more: object): object {
  return {
    nameTextStyle: { color: paint.soft },
    axisLabel: { color: paint.soft },
    axisLine: { lineStyle: { color: paint.line } },
    splitLine: { lineStyle: { color: paint.line } },
    ...more,
  };
}

/** Outcomes as bars, hit rates of both arms as lines; a week with nothing inspected breaks the line. */
export function weeks(rows: Row[]): Drawing {
  const counts = rows.map((row) => numbers(row.counts));
  const middle = (name: "risk" | "random") => rows.map((row) => numbers(row[name])[1] ?? null);
  return (paint) => {
    const bars = (at: number, name: string, color: string) => ({
      type: "bar",
      stack: "all",
      name,
      barMaxWidth: 28,
      itemStyle: { color },
      data: counts.map((row) => row[at] ?? 0),
    });
    const lined = (
      name: string,
      data: (number | null)[],
      color: string,
      symbol: string,
      dashed: boolean,
    ) => ({
      type: "line",
      name,
      yAxisIndex: 1,
      data,
      symbol,
      symbolSize: 8,
      itemStyle: { color },
      lineStyle: { color, width: 2, type: dashed ? "dashed" : "solid" },
    });
    return {
      ...common(paint),
      xAxis: axis(paint, { type: "category", data: rows.map((row) => row.week ?? "") }),
      yAxis: [
        axis(paint, { type: "value", name: say("cases"), minInterval: 1 }),
        axis(paint, { type: "value", name: say("rate"), min: 0, max: 100, splitLine: { show: false } }),
      ],
      series: [
        bars(0, say("asDeclared"), paint.line),
        bars(1, say("discrepancy"), paint.high),
        bars(2, say("inconclusive"), paint.soft),
        lined(say("risk"), middle("risk"), paint.link, "circle", false),
        lined(say("random"), middle("random"), paint.ink, "diamond", true),
      ],
    };
  };
}

/** Predicted chance against the share found, with its interval, and the diagonal on which both agree. */
export function chances(rows: Row[]): Drawing {
  const points = rows.map((row) => {
    const [low, middle, high] = numbers(row.found);
    return [Number(row.predicted), middle ?? 0, low ?? 0, high ?? 100];
  });
  return (paint) => ({
    ...common(paint),
    tooltip: { show: false },
    xAxis: axis(paint, {
      type: "value",
      name: say("predicted"),
      nameLocation: "middle",
      nameGap: 22,
      min: 0,
      max: 100,
    }),
    yAxis: axis(paint, { type: "value", name: say("found"), min: 0, max: 100 }),
    grid: { left: 44, right: 16, top: 48, bottom: 40 },
    series: [
      diagonal(say("agree"), 100, paint),
      {
        type: "custom",
        silent: true,
        data: points,
        encode: { x: 0, y: [1, 2, 3] },
        renderItem: (_: unknown, api: CustomSeriesRenderItemAPI) => {
          const [x, low] = api.coord([api.value(0), api.value(2)]) as [number, number];
          const [, high] = api.coord([api.value(0), api.value(3)]) as [number, number];
          return {
            type: "line",
            shape: { x1: x, y1: low, x2: x, y2: high },
            style: { stroke: paint.link, lineWidth: 2 },
          };
        },
      },
      {
        type: "scatter",
        name: say("found"),
        data: points.map((p) => p.slice(0, 2)),
        symbolSize: 9,
        itemStyle: { color: paint.link },
      },
    ],
  });
}

/** Where the combined surprise lies, the last weeks beside those before. */
export function surprise(rows: Row[]): Drawing {
  const share = (name: "recent" | "earlier") => rows.map((row) => numbers(row[name])[0] ?? null);
  return (paint) => ({
    ...common(paint),
    grid: { left: 44, right: 16, top: 56, bottom: 44 },
    xAxis: axis(paint, {
      type: "category",
      name: say("surprise"),
      nameLocation: "middle",
      nameGap: 26,
      data: rows.map((row) => row.name ?? ""),
    }),
    yAxis: axis(paint, { type: "value", name: say("share"), min: 0 }),
    series: [
      { type: "bar", name: say("recent"), data: share("recent"), itemStyle: { color: paint.link } },
      {
        type: "line",
        name: say("earlier"),
        data: share("earlier"),
        step: "middle",
        symbol: "none",
        lineStyle: { color: paint.ink, width: 2, type: "dashed" },
        itemStyle: { color: paint.ink },
      },
    ],
  });
}

/** Share of p-values up to each level; clean cases lie on the diagonal. */
export function curve(text: string): Drawing {
  const points = text
    .trim()
    .split(/\s+/)
    .map((pair) => numbers(pair))
    .map(([x, y]) => [x ?? 0, 100 * (y ?? 0)]);
  return (paint) => ({
    ...common(paint),
    grid: { left: 44, right: 16, top: 48, bottom: 40 },
    xAxis: axis(paint, {
      type: "value",
      name: say("p"),
      nameLocation: "middle",
      nameGap: 22,
      min: 0,
      max: 1,
    }),
    yAxis: axis(paint, { type: "value", name: say("upTo"), min: 0, max: 100 }),
    series: [
      diagonal(say("clean"), 1, paint),
      {
        type: "line",
        name: say("seen"),
        data: [[0, 0], ...points],
        symbol: "none",
        lineStyle: { color: paint.link, width: 2.5 },
        itemStyle: { color: paint.link },
      },
    ],
  });
}

function diagonal(name: string, end: number, paint: Paint): object {
  const style = { color: paint.soft, type: "dashed", width: 1.5 };
  return {
    type: "line",
    name,
    data: [
      [0, 0],
      [end, 100],
    ],
    symbol: "none",
    silent: true,
    lineStyle: style,
    itemStyle: { color: paint.soft },
  };
}
