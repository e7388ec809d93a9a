-- All that the gate needs to know of one user, as it is stored.
-- KEYS[1]: user:HASH; ARGV[1]: what a customer's key begins with.
-- Returns { none_until, customer, { her hash }, customer, { her hash }, ... },
-- the oldest link first; nothing for a user without a key.
local user = redis.call('HGETALL', KEYS[1])
local none_until, links = '0', {}
for i = 1, #user, 2 do
	local customer = string.match(user[i], '^customer:(.+)$')
	if customer then
		links[#links + 1] = { customer, tonumber(user[i + 1]) or 0 }
	elseif user[i] == 'none_until' then
		none_until = user[i + 1]
	end
end
table.sort(links, function(a, b)
	return a[2] < b[2] or a[2] == b[2] and a[1] < b[1]
end)
local answer = { none_until }
for _, link in ipairs(links) do
	answer[#answer + 1] = link[1]
	answer[#answer + 1] = redis.call('HGETALL', ARGV[1] .. link[1])
end
return answer
