# Keycloak from Maven Central, Hydra as a Go module, canaille from PyPI and LemonLDAP::NG of Debian. oidc-provider and glewlwyd are there after `make tools`.

# The first Java of at least version 21 that is installed.
find_java() {
  local java version
  for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    [ -x "$java" ] || continue
    version=$("$java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = //p')
    [ "${version%%.*}" -ge 21 ] && echo "$java" && return
  done
  return 1
}

install_keycloak() {
  local version=26.7.3 folder=$interop/keycloak java
  local home=$folder/keycloak-$version
  [ "$(cat "$folder/installed" 2>/dev/null)" = "$version" ] && [ -x "$(cat "$folder/java")" ] && return
  java=$(find_java) || fail "please install Java 21 or later: it runs Keycloak"
  command -v mvn >/dev/null || fail "please install Maven: it fetches Keycloak"
  rm -rf "$folder"
  mkdir -p "$folder"
  say "Keycloak $version, which takes minutes"
  mvn --quiet dependency:copy -Dartifact=org.keycloak:keycloak-quarkus-dist:$version:zip -DoutputDirectory="$folder" ||
    fail "Keycloak cannot be fetched"
  python3 -m zipfile -e "$folder/keycloak-quarkus-dist-$version.zip" "$folder"
  rm "$folder/keycloak-quarkus-dist-$version.zip"
  # The server starts with these options built in, in a third of the time.
  JAVA_HOME=$(dirname "$(dirname "$java")") bash "$home/bin/kc.sh" build --db=dev-file --cache=local >"$folder/build.log" 2>&1 ||
    fail "Keycloak cannot be prepared: see $folder/build.log"
  printf '%s' "$java" >"$folder/java"
  printf '%s' "$version" >"$folder/installed"
}

# `go install` refuses modules with `replace`; in a module of one's own the same replacement holds.
install_hydra() {
  local package=github.com/ory/hydra/v2 version=v2.3.0 stamp=$interop/bin/.hydra.installed module
  [ -x "$interop/bin/hydra" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$package@$version" ] && return
  command -v go >/dev/null || fail "please install Go: it builds hydra"
  say "building hydra ($package@$version), which takes minutes"
  module=$(mktemp -d)
  printf 'module interop\n\ngo 1.23\n\nreplace %s => %s %s\n' \
    github.com/gobuffalo/pop/v6 github.com/ory/pop/v6 v6.2.1-0.20241121111754-e5dfc0f3344b >"$module/go.mod"
  (cd "$module" && go get -tool "$package@$version" && go build -tags sqlite -o "$interop/bin/hydra" "$package") \
    >"$interop/hydra.log" 2>&1 || fail "hydra cannot be built: see $interop/hydra.log"
  rm -rf "$module"
  printf '%s' "$package@$version" >"$stamp"
}

install_canaille() {
  install_pypi canaille 'canaille[server,sqlite,oidc,front]==0.3.6'
}

# The portal and starman, which serves it without a further web server; the other modules are only recommended by Debian, but the
# portal does not start without them.
install_lemonldap() {
  install_debian liblemonldap-ng-portal-perl starman libdbd-sqlite3-perl libgd-securityimage-perl libimage-magick-perl \
    libio-string-perl libstring-random-perl
}
