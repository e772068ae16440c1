-- wrk: each connection keeps `depth` requests in flight, sent in one piece.
local depth = 16
local batch

function init(args)
    local request = wrk.format()
    local requests = {}
    for i = 1, depth do
        requests[i] = request
    end
    batch = table.concat(requests)
end

function request()
    return batch
end
