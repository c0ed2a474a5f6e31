/** The plot of a series: values, the band they are expected in, and this declaration. */
import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from "echarts";
import type { EChartsOption } from "echarts/types/dist/shared";
import { chart } from "../common/chart";
import { type Paint, sheer } from "../common/paint";
import { complete, type Measure, type Month, type Run, read, runs, values } from "./series";
import { say } from "./words";

const LABELS = { price: "unitValue", freight: "freight", weight: "volume" } as const;

/** Make the plot of a part work: choice of measure, logarithmic axis, reading by keyboard. */
export function drawTrend(room: HTMLElement): void {
  const table = room.querySelector<HTMLElement>("[data-series]");
  const plot = room.querySelector<HTMLElement>("[data-plot]");
  const reading = room.querySelector<HTMLElement>("[data-reading]");
  const log = room.querySelector<HTMLInputElement>("[data-log]");
  if (!table || !plot || !reading || !log) return;
  const series = read(table);
  const months = complete(series.months, series.declaredMonth);
  const units: Record<Measure, string> = { price: "USD/kg", freight: series.freightUnit, weight: "kg" };
  let measure: Measure = "price";
  let at = -1;

  const drawn = chart(plot, (paint) => option(paint, months, series, measure, units[measure], log.checked));

  const show = (index: number) => {
    at = Math.max(0, Math.min(months.length - 1, index));
    const month = months[at];
    if (!month) return;
    const own = month.month === series.declaredMonth ? series.declared[measure] : null;
    reading.textContent = sentence(month, measure, units[measure], own);
    drawn.handle.dispatchAction({ type: "showTip", seriesIndex: 1, dataIndex: at });
  };
  plot.addEventListener("keydown", (event) => {
    const moves: Record<string, number> = {
      ArrowLeft: (at < 0 ? months.length : at) - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: months.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
  log.addEventListener("change", drawn.redraw);
  const buttons = [...room.querySelectorAll<HTMLButtonElement>("[data-measure]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      measure = button.dataset.measure as Measure;
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      for (const note of room.querySelectorAll<HTMLElement>("[data-note]")) {
        note.hidden = note.dataset.note !== measure;
      }
      reading.textContent = "";
      drawn.redraw();
    });
  }
}

/** One month in words, as the tooltip and the keyboard read it. */
export function sentence(month: Month, measure: Measure, unit: string, declared: number | null): string {
  const { value, low, high, outside } = month[measure];
  const parts = [
    `${month.month}: ${say(LABELS[measure])} ${value === null ? say("none") : `${plain(value)} ${unit}`}`,
  ];
  const range = measure === "price" ? say("expected") : say("usual");
  parts.push(low === null || high === null ? say("noRange") : `${range} ${plain(low)} – ${plain(high)}`);
  if (outside) parts.push(say(outside));
  if (month.flagged && measure === "price") parts.push(say("remarkable"));
  if (declared !== null) parts.push(`${say("declared")} ${plain(declared)} ${unit}`);
  return parts.join(" · ");
}

/** A figure with as many digits as an officer reads. */
export function plain(value: number): string {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 3;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

function option(
  paint: Paint,
  months: readonly Month[],
  series: ReturnType<typeof read>,
  measure: Measure,
  unit: string,
  log: boolean,
): EChartsOption {
  const bands = runs(months, measure, log);
  const place = months.findIndex((each) => each.month === series.declaredMonth);
  const own = series.declared[measure];
  const odd = months.map((each, i) => ({ each, i })).filter(({ each }) => each[measure].outside);
  const flagged =
    measure === "price" ? months.map((each, i) => ({ each, i })).filter(({ each }) => each.flagged) : [];
  const at = ({ each, i }: { each: Month; i: number }) => [i, each[measure].value];
  return {
    grid: { left: 64, right: 20, top: 34, bottom: 30 },
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: paint.card,
      borderColor: paint.line,
      textStyle: { color: paint.ink, fontFamily: paint.font, fontSize: 12 },
      formatter: (found: unknown) => {
        const named = (found as { axisValue: string }[])[0]?.axisValue;
        const month = months.find((each) => each.month === named);
        if (!month) return "";
        return sentence(month, measure, unit, month.month === series.declaredMonth ? own : null).replaceAll(
          " · ",
          "\n",
        );
      },
    },
    xAxis: {
      type: "category",
      data: months.map((each) => each.month),
      axisLabel: { color: paint.soft, hideOverlap: true },
      axisLine: { lineStyle: { color: paint.line } },
      axisTick: { show: false },
    },
    yAxis: {
      type: log ? "log" : "value",
      name: unit,
      nameTextStyle: { color: paint.soft, align: "left" },
      scale: measure !== "weight",
      axisLabel: { color: paint.soft, formatter: (value: number) => plain(value) },
      splitLine: { lineStyle: { color: sheer(paint.line, 0.6) } },
    },
    series: [
      {
        type: "custom",
        silent: true,
        data: bands.map((_, i) => [i]),
        renderItem: (params: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) =>
          polygon(
            bands[params.dataIndex] ?? [],
            api,
            sheer(measure === "price" ? paint.link : paint.soft, 0.18),
          ),
      },
      {
        type: "line",
        data: values(months, measure, log),
        symbol: "circle",
        symbolSize: 4,
        lineStyle: { color: paint.link, width: 1.5 },
        itemStyle: { color: paint.link },
        markLine:
          place < 0
            ? undefined
            : {
                silent: true,
                symbol: "none",
                lineStyle: { color: paint.soft, type: "dashed" },
                label: {
                  formatter: say("declared"),
                  color: paint.ink,
                  position: "end",
                  align: place * 2 > months.length ? "right" : "left",
                },
                data: [{ xAxis: place }],
              },
      },
      {
        // not to be seen: the axis has to reach the edges of the band, which is a shape without values
        type: "scatter",
        silent: true,
        symbolSize: 0,
        data: bands.flat().flatMap(([x, low, high]) => [
          [x, low],
          [x, high],
        ]),
      },
      {
        type: "scatter",
        silent: true,
        symbol: "diamond",
        symbolSize: 11,
        itemStyle: { color: paint.high },
        data: odd.map(at),
      },
      {
        type: "scatter",
        silent: true,
        symbol: "circle",
        symbolSize: 17,
        itemStyle: { color: "transparent", borderColor: paint.critical, borderWidth: 2 },
        data: flagged.map(at),
      },
      {
        type: "scatter",
        silent: true,
        symbol: "triangle",
        symbolSize: 15,
        itemStyle: { color: paint.ink, borderColor: paint.card, borderWidth: 1 },
        data: own === null || place < 0 || (log && own <= 0) ? [] : [[place, own]],
      },
    ],
  } as EChartsOption;
}

/** A band as a shape: along the upper edge, and back along the lower one. */
function polygon(run: Run, api: CustomSeriesRenderItemAPI, fill: string) {
  const first = run[0];
  if (!first) return null;
  // one month alone is a short bar, or it could not be seen
  const wide = run.length === 1 ? 0.4 : 0;
  const ends: Run = wide
    ? [
        [first[0] - wide, first[1], first[2]],
        [first[0] + wide, first[1], first[2]],
      ]
    : run;
  const points = [
    ...ends.map(([x, , high]) => api.coord([x, high])),
    ...ends.toReversed().map(([x, low]) => api.coord([x, low])),
  ];
  return { type: "polygon" as const, shape: { points }, style: { fill } };
}
