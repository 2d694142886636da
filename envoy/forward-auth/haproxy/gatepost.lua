-- Asks Gatepost whether a request may pass, over HTTP, in the way Traefik asks.
--
--   http-request lua.gatepost http://127.0.0.1:9000 x-authentik-username,x-authentik-groups,...
--
-- The first word is Gatepost's address, the second names the headers that an application is to get from it. Only where
-- Gatepost allows a request, the variable txn.gatepost says so: haproxy.cfg denies whatever lacks it, so that no
-- fault of this script lets a request pass.

local question = "/outpost.goauthentik.io/auth/traefik"
-- Milliseconds. HAProxy 2.6 asks up to four times.
local patience = 2000

-- Belongs to one connection or one body, and so neither to the question nor to its answer. `upgrade` stays: it tells
-- Gatepost that a client cannot follow a redirect.
local of_the_message = {
  ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["host"] = true, ["keep-alive"] = true,
  ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true,
}

-- The client's header lines, and what it asked for.
local function describe(txn)
  local lines = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not of_the_message[name] then
      lines[name] = {}
      for _, value in pairs(values) do table.insert(lines[name], value) end
    end
  end
  lines["x-forwarded-method"] = { txn.f:method() }
  lines["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
  lines["x-forwarded-host"] = { txn.f:req_fhdr("host") or "" }
  lines["x-forwarded-uri"] = { txn.f:pathq() or "" }
  lines["x-forwarded-for"] = { txn.f:src() }
  return lines
end

-- What the application sees is what Gatepost says, and nothing where it says nothing.
local function hand_over(txn, answer, names)
  for name in names:gmatch("[^,%s]+") do
    local values = answer.headers[name:lower()]
    local value = values and values[0] or ""
    if value == "" then txn.http:req_del_header(name) else txn.http:req_set_header(name, value) end
  end
end

-- Gatepost's own answer: the way to the sign-in, with its cookie, or the page that says why not.
local function answer_client(txn, answer)
  local reply = txn:reply({ status = answer.status })
  for name, values in pairs(answer.headers) do
    if not of_the_message[name] then
      -- HAProxy counts from 0; the first cookie comes first.
      for index = 0, #values do reply:add_header(name, values[index]) end
    end
  end
  if answer.body and txn.f:method() ~= "HEAD" then reply:set_body(answer.body) end
  txn:done(reply)
end

core.register_action("gatepost", { "http-req" }, function(txn, address, names)
  local answer = core.httpclient():get({ url = address .. question, headers = describe(txn), timeout = patience })
  local status = answer and answer.status or 0
  if status == 200 then
    hand_over(txn, answer, names)
    txn:set_var("txn.gatepost", "allowed")
  elseif status >= 300 and status <= 599 then
    answer_client(txn, answer)
  end
end, 2)
