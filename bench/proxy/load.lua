-- For wrk: the request is the same each time, so wrk makes it once. Arguments after `--`: the method, and the bytes of its body.
function init(args)
  wrk.method = args[1]
  local bodyBytes = tonumber(args[2])
  if bodyBytes > 0 then
    wrk.headers['Content-Type'] = 'application/octet-stream'
    wrk.body = string.rep('x', bodyBytes)
  end
end

-- Times in microseconds. `status` counts answers above 399.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"answerBytes":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
