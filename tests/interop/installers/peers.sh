# The program of `make bench-peers` (benches/peers.rs) that tests/tools/install cannot have from a package.

install_oauth2_proxy() {
  install_go oauth2-proxy github.com/oauth2-proxy/oauth2-proxy/v7 v7.15.6
}
