-- wrk: POST /api/event with arrays of 100 events, many visitors and pages.
local function body(seed)
    math.randomseed(seed)
    local list = {}
    for i = 1, 100 do
        list[i] = string.format('{"n":"pageview","u":"https://example.com/p/%d","d":"example.com","r":"https://www.google.com/","z":"Europe/Paris"}',
            math.random(1, 500))
    end
    return "[" .. table.concat(list, ",") .. "]"
end

local requests = {}
local thread_count = 0

function setup(thread)
    thread:set("id", thread_count)
    thread_count = thread_count + 1
end

function init(args)
    math.randomseed(id + 1)
    for i = 1, 500 do
        local headers = {
            ["Content-Type"] = "text/plain",
            ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            ["X-Forwarded-For"] = string.format("198.18.%d.%d", id * 100 + i % 100, math.random(0, 255)),
        }
        requests[i] = wrk.format("POST", "/api/event", headers, body(id * 1000 + i))
    end
end

local next_request = 0
function request()
    next_request = next_request % #requests + 1
    return requests[next_request]
end
