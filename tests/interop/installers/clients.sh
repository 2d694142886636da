# Clients of Gatepost: health probes, one of Envoy's API in Go, and browsers with their WebDrivers. grpcio and Prometheus come with
# `make tools`.

install_health_probe() { install_go grpc-health-probe github.com/grpc-ecosystem/grpc-health-probe v0.4.63; }

# Kubernetes' prober and go-control-plane's client: tests/interop/clients/go.
install_go_clients() {
  local sources=$here/clients/go stamp=$interop/bin/.go_clients.installed wanted
  wanted=$(cat "$sources"/*/main.go "$sources"/go.* | cksum | cut -d' ' -f1)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  command -v go >/dev/null || fail "please install Go: it builds the clients in $sources"
  say "building the clients in Go"
  (cd "$sources" && GOBIN=$interop/bin go install ./envoy-check ./kube-probe)
  printf '%s' "$wanted" >"$stamp"
}

install_browsers() {
  local missing=() program
  for program in firefox-esr chromedriver:chromium-driver WebKitWebDriver:webkit2gtk-driver Xvfb:xvfb; do
    command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
  done
  [ ${#missing[@]} -eq 0 ] || install_debian "${missing[@]}"
  [ -x "$interop/bin/geckodriver" ] && return
  say "building geckodriver"
  cargo install --quiet --locked --root "$interop" geckodriver@0.37.1
}
