// The report page's own script: draws what the page carries, with uPlot. It runs in a browser, without modules or a network.
;(() => {
  const { uPlot, document, matchMedia, getComputedStyle } = globalThis
  const { points, pauses, backends, widthMs, palette } = JSON.parse(document.getElementById('run').textContent)
  const charts = document.getElementById('charts')
  const seconds = points.map(({ atSeconds }) => atSeconds)
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name)
  const rounded = (value) => (value === null || value === undefined ? '–' : Number(value.toPrecision(3)).toString())

  function latencies(name) {
    return points.map(({ latencyMs }) => (latencyMs === null ? null : latencyMs[name]))
  }

  /** Shares in percent, each on top of those before it, so that the areas between the lines are the shares. */
  function stackedShares() {
    const sums = points.map(() => 0)
    return backends.map((name) =>
      points.map((point, index) => {
        const all = Object.values(point.backends).reduce((sum, count) => sum + count, 0)
        if (all === 0) return null
        sums[index] += ((point.backends[name] ?? 0) / all) * 100
        return sums[index]
      }),
    )
  }

  /** The time in which nobody was answered, behind the lines; failovers stand out. */
  function drawPauses(chart) {
    const { ctx, bbox } = chart
    ctx.save()
    for (const { atSeconds, pauseMs, failover } of pauses) {
      const from = chart.valToPos(atSeconds, 'x', true)
      const to = chart.valToPos(atSeconds + pauseMs / 1000, 'x', true)
      if (to < bbox.left || from > bbox.left + bbox.width) continue
      ctx.fillStyle = failover ? 'rgba(213, 94, 0, 0.35)' : 'rgba(136, 136, 136, 0.25)'
      ctx.fillRect(from, bbox.top, Math.max(2, to - from), bbox.height)
    }
    ctx.restore()
  }

  function draw(title, values, series, more = {}) {
    const axis = { stroke: colour('--ink'), grid: { stroke: colour('--grid') }, ticks: { stroke: colour('--grid') } }
    const options = {
      title,
      width: charts.clientWidth,
      height: 240,
      cursor: { sync: { key: 'run' } },
      scales: { x: { time: false }, ...more.scales },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
        { ...axis, size: 60, ...more.axis },
      ],
      series: [{ label: 'at', value: (_, at) => (at === null ? '–' : `${at.toFixed(2)} s`) }, ...series],
      bands: more.bands ?? [],
      hooks: { drawClear: [drawPauses] },
    }
    return new uPlot(options, [seconds, ...values], charts)
  }

  function drawAll() {
    const line = (label, index) => ({
      label,
      stroke: palette[index % palette.length],
      width: 1.5,
      value: (_, v) => rounded(v),
    })
    const shares = stackedShares()
    const names = ['p50', 'p90', 'p99', 'max']
    charts.replaceChildren()
    const drawn = [
      draw('Latency, ms', names.map(latencies), names.map(line), {
        scales: { y: { distr: 3 } },
        axis: { values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : `${tick}`)) },
      }),
      draw(
        `Answers per second, in intervals of ${widthMs} ms`,
        [points.map(({ goodPerSecond }) => goodPerSecond), points.map(({ errorsPerSecond }) => errorsPerSecond)],
        [line('good', 2), line('errors', 5)],
        { scales: { y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high)] } } },
      ),
    ]
    if (backends.length === 0) return drawn
    const series = backends.map((name, index) => ({
      ...line(name, index),
      fill: `${palette[index % palette.length]}99`,
      // What is stacked is no share: the legend shows the share itself.
      value: (_, _value, _series, at) => (at === null ? '–' : shareText(name, at)),
    }))
    const bands = backends.slice(1).map((_, index) => ({ series: [index + 2, index + 1] }))
    drawn.push(draw('Share of answers by backend, %', shares, series, { bands, scales: { y: { range: [0, 100] } } }))
    return drawn
  }

  function shareText(name, at) {
    const all = Object.values(points[at].backends).reduce((sum, count) => sum + count, 0)
    return all === 0 ? '–' : `${(((points[at].backends[name] ?? 0) / all) * 100).toFixed(1)} %`
  }

  let drawn = drawAll()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    drawn = drawAll()
  })
  globalThis.addEventListener('resize', () => {
    for (const chart of drawn) chart.setSize({ width: charts.clientWidth, height: 240 })
  })
})()
