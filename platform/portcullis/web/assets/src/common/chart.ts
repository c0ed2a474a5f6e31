/** Charts in the colours of the page: drawn anew when the theme or the room changes. */
import { BarChart, CustomChart, LineChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
} from "echarts/components";
import { type ECharts, type EChartsCoreOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { onTheme, type Paint, paint } from "./paint";

export type { Paint } from "./paint";

use([
  AriaComponent,
  BarChart,
  CustomChart,
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
  CanvasRenderer,
]);

/** Draw a chart into an element; answers with what redraws it, and with ECharts' own handle. */
export function chart(
  element: HTMLElement,
  option: (paint: Paint) => EChartsCoreOption,
): { redraw: () => void; handle: ECharts } {
  const handle = init(element, null, { renderer: "canvas" });
  const redraw = () => {
    const colours = paint();
    handle.setOption(
      {
        animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
        animationDuration: 200,
        textStyle: { fontFamily: colours.font, color: colours.ink },
        ...option(colours),
      },
      { notMerge: true },
    );
  };
  redraw();
  onTheme(element, redraw);
  const room = new ResizeObserver(() => {
    if (!element.isConnected) {
      room.disconnect();
      handle.dispose();
    } else if (element.clientWidth) handle.resize();
  });
  room.observe(element);
  return { redraw, handle };
}
