-- Sends a forward-auth subrequest to Gatepost over HTTP, with the headers that Traefik uses.
--
--   http-request lua.gatepost http://127.0.0.1:9000 x-authentik-username,x-authentik-groups,...
--
-- The first argument is Gatepost's address, the second lists the headers for the application. Where haproxy.cfg chooses
-- between several applications, the variable txn.app holds the slug of the chosen one: Gatepost then denies a request whose
-- address belongs to another application. The variable txn.gatepost is set only when Gatepost allows the request: haproxy.cfg denies every request without it, so that a fault of this
-- script allows none.

local endpoint = "/outpost.goauthentik.io/auth/traefik"
-- Milliseconds. HAProxy 2.6 tries up to four times.
local patience = 2000

-- Headers of one connection or one body, which are not copied to the subrequest or from its response. `upgrade` is
-- copied: it tells Gatepost that the client cannot follow a redirect.
local of_the_message = {
  ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["host"] = true, ["keep-alive"] = true,
  ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true,
}

-- The client's header lines, and method and address of its request.
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

-- The application receives the values of Gatepost's response; a header without a value is removed.
local function hand_over(txn, answer, names)
  for name in names:gmatch("[^,%s]+") do
    local values = answer.headers[name:lower()]
    local value = values and values[0] or ""
    if value == "" then txn.http:req_del_header(name) else txn.http:req_set_header(name, value) end
  end
end

-- Gatepost's response for the client: the redirect to the sign-in with its cookie, or an error page.
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
  local application = txn:get_var("txn.app")
  local url = address .. endpoint .. (application and "/" .. application or "")
  local answer = core.httpclient():get({ url = url, headers = describe(txn), timeout = patience })
  local status = answer and answer.status or 0
  if status == 200 then
    hand_over(txn, answer, names)
    txn:set_var("txn.gatepost", "allowed")
  elseif status >= 300 and status <= 599 then
    answer_client(txn, answer)
  end
end, 2)
