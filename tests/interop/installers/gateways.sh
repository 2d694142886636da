# Istio's control plane, Envoy Gateway's translator and Helm 3 as libraries in small programs, whose go.mod and go.sum pin every module.

# The program in tests/interop/gateways/$1, as .tools/interop/bin/gateways-$1.
build_gateways() {
  local source=$here/gateways/$1 target=$interop/bin/gateways-$1 wanted stamp=$interop/bin/.gateways-$1.installed
  wanted=$(cat "$source"/go.mod "$source"/go.sum "$source"/*.go | cksum)
  [ -x "$target" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  command -v go >/dev/null || fail "please install Go: it builds $1"
  say "building gateways-$1, which takes minutes"
  (cd "$source" && go build -mod=readonly -trimpath -o "$target" .) || fail "gateways-$1 cannot be built"
  printf '%s' "$wanted" >"$stamp"
}

install_istio() { build_gateways istio; }
install_helm() { build_gateways helm; }
install_envoy_gateway() { build_gateways envoy_gateway; }
