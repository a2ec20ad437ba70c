-- For wrk: every request books another seat. Arguments after `--`: what the names of the seats begin with.
local prefix, seat = '', 0

function init(args)
  prefix = args[1] or ''
  wrk.method = 'POST'
  wrk.path = '/bookings'
  wrk.headers['Content-Type'] = 'application/json'
end

function request()
  seat = seat + 1
  return wrk.format(nil, nil, nil, string.format('{"seat":"%s-%07d","user":"benchmark"}', prefix, seat))
end

-- Times in microseconds. `status` counts answers above 399.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
