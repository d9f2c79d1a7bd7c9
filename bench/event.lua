-- wrk -t2 -c512 -d10s -s bench/event.lua http://127.0.0.1:8420
-- One event a request, from a thousand pages and a hundred visitors' user agents, for the site example.com
-- (another one: SITE=… in the environment; BATCH=100 sends arrays).
local site = os.getenv("SITE") or "example.com"
local batch = tonumber(os.getenv("BATCH") or "1")
local requests = {}
local next_one = 0

local function event(i)
  return string.format(
    '{"n":"pageview","u":"https://%s/page/%d?utm_source=newsletter","d":"%s","r":"https://www.google.com/","z":"Europe/Paris"}',
    site, i % 1000, site)
end

init = function(args)
  for i = 1, 1000 do
    local body = event(i)
    if batch > 1 then
      local items = {}
      for k = 1, batch do items[k] = event(i * batch + k) end
      body = "[" .. table.concat(items, ",") .. "]"
    end
    requests[i] = wrk.format("POST", "/api/event", {
      ["Content-Type"] = "text/plain",
      ["User-Agent"] = string.format(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", 40 + i % 100),
    }, body)
  end
end

request = function()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

done = function(summary, latency, _)
  io.write(string.format("events/s %.0f  p50 %.2f ms  p99 %.2f ms  errors %d\n",
    summary.requests * batch / (summary.duration / 1e6), latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
