// Draws bars and lines from a data address; loaded only by pages with charts.
(function () {
  "use strict";
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const COLOURS = ["--map-blue", "--map-teal", "--map-amber", "--map-indigo", "--map-grey"];

  function options(data, kind, unit) {
    const soft = token("--ink-soft");
    const line = { lineStyle: { color: token("--line") } };
    return {
      animation: false,
      color: COLOURS.map(token),
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: token("--ink") },
      grid: { left: 8, right: 16, top: data.series.length > 1 ? 32 : 12, bottom: 4, containLabel: true },
      legend: data.series.length > 1 ? { top: 0, left: 0, textStyle: { color: soft } } : undefined,
      // richText draws on the canvas: the policy allows no inline styles in tooltips
      tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value) => value + " " + unit },
      xAxis: { type: "category", data: data.categories, axisLabel: { color: soft }, axisLine: line, axisTick: { show: false } },
      yAxis: { type: "value", axisLabel: { color: soft }, splitLine: line, minInterval: 1 },
      series: data.series.map((series) => ({ name: series.name, type: kind, data: series.values, barMaxWidth: 32, symbolSize: 6 })),
    };
  }

  async function draw(node) {
    try {
      const answer = await fetch(node.dataset.chart, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const data = await answer.json();
      const chart = window.echarts.init(node, null, { renderer: "canvas" });
      const paint = () => chart.setOption(options(data, node.dataset.kind, node.dataset.unit), true);
      paint();
      window.addEventListener("resize", () => chart.resize());
      window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
      node.dataset.drawn = "true";
    } catch (error) {
      node.textContent = "图表没有读到数据，请刷新重试，或点下面的“查看明细”。";
    }
  }
  document.querySelectorAll("[data-chart]").forEach(draw);
})();
