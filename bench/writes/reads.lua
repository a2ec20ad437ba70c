-- For wrk: the request is the same each time, so wrk makes it once. Argument after `--`: the path.
function init(args)
  wrk.path = args[1]
end

-- Times in microseconds. `status` counts answers above 399.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
