{{/*
The sites of the applications in `config`, as JSON: slug or name, origin, host, path, and the pattern of its hosts.
Applications in mode `proxy` are left out, as in `gatepost snippet`: their backends need settings of Envoy that no resource of
this chart has.
*/}}
{{- define "gatepost.sites" -}}
{{- $sites := list -}}
{{- range .Values.config.applications -}}
{{- $mode := default "forward_single" .mode -}}
{{- if ne $mode "proxy" -}}
{{- if contains "${" (printf "%s%s" .external_host (default "" .cookie_domain)) -}}
{{- fail (printf "the application %s has a variable in external_host or cookie_domain, so its hosts are not known here; write the hosts themselves" .name) -}}
{{- end -}}
{{- $url := urlParse (lower .external_host) -}}
{{- $host := regexReplaceAll ":[0-9]+$" $url.host "" -}}
{{- $pattern := $host -}}
{{- if eq $mode "forward_domain" -}}
{{- $pattern = printf "*.%s" (lower .cookie_domain | trimPrefix ".") -}}
{{- end -}}
{{- $path := (urlParse .external_host).path | trimSuffix "/" -}}
{{- $sites = append $sites (dict "name" .name "origin" (printf "%s://%s" $url.scheme $url.host) "host" $host "path" $path "pattern" $pattern "application" .) -}}
{{- end -}}
{{- end -}}
{{- dict "sites" $sites | toJson -}}
{{- end -}}

{{/* The slug of an application, as Gatepost makes it of the name where none is given. */}}
{{- define "gatepost.slug" -}}
{{- default (regexReplaceAll "[^A-Za-z0-9]+" .name "-" | trimAll "-" | lower) .slug -}}
{{- end -}}

{{/* The hosts of the external URLs, and further ones. Arguments: the root context, the further hosts. */}}
{{- define "gatepost.externalHosts" -}}
{{- $hosts := list -}}
{{- range (include "gatepost.sites" (index . 0) | fromJson).sites -}}
{{- $hosts = append $hosts .host -}}
{{- end -}}
{{- dict "hosts" (concat $hosts (index . 1) | uniq) | toJson -}}
{{- end -}}

{{/* Hosts, each alone and with every port, as Istio's policies compare them. */}}
{{- define "gatepost.withPorts" -}}
{{- $hosts := list -}}
{{- range . -}}
{{- $hosts = append (append $hosts .) (printf "%s:*" .) -}}
{{- end -}}
{{- dict "hosts" $hosts | toJson -}}
{{- end -}}

{{/* The paths of endpoints below each external URL. Arguments: the root context, the names of the endpoints. */}}
{{- define "gatepost.endpointPaths" -}}
{{- $prefixes := list -}}
{{- range (include "gatepost.sites" (index . 0) | fromJson).sites -}}
{{- $prefixes = append $prefixes .path -}}
{{- end -}}
{{- $prefixes = default (list "") $prefixes -}}
{{- $paths := list -}}
{{- range $prefix := uniq $prefixes -}}
{{- range $endpoint := index $ 1 -}}
{{- $paths = append $paths (printf "%s/outpost.goauthentik.io/%s" $prefix $endpoint) -}}
{{- end -}}
{{- end -}}
{{- dict "paths" $paths | toJson -}}
{{- end -}}

{{/* The headers that ingress-nginx has to copy for an application, separated by commas. */}}
{{- define "gatepost.copiedHeaders" -}}
{{- $names := list -}}
{{- $sets := list "authentik" -}}
{{- if kindIs "slice" .headers -}}
{{- $sets = .headers -}}
{{- else if .headers -}}
{{- $sets = list .headers -}}
{{- end -}}
{{- if has "authentik" $sets -}}
{{- $names = concat $names (list "X-authentik-username" "X-authentik-groups" "X-authentik-entitlements" "X-authentik-email" "X-authentik-name" "X-authentik-uid" "X-authentik-jwt" "X-authentik-meta-jwks" "X-authentik-meta-outpost" "X-authentik-meta-provider" "X-authentik-meta-app" "X-authentik-meta-version") -}}
{{- end -}}
{{- if has "legacy" $sets -}}
{{- $names = concat $names (list "X-auth-username" "X-auth-groups" "X-Forwarded-Email" "X-Forwarded-Preferred-Username" "X-Forwarded-User") -}}
{{- end -}}
{{- range .claim_headers -}}
{{- $names = append $names .header -}}
{{- end -}}
{{- with .additional_headers -}}
{{- $names = concat $names (default list .names) -}}
{{- end -}}
{{- if hasKey . "assertion" -}}
{{- $names = append $names (dig "header" "X-Gatepost-Assertion" (default dict .assertion)) -}}
{{- end -}}
{{- $kept := list -}}
{{- range $names -}}
{{- if not (has (lower .) (list "cookie" "authorization")) -}}
{{- $kept = append $kept . -}}
{{- end -}}
{{- end -}}
{{- concat $kept (list "Cookie" "Authorization") | uniq | join "," -}}
{{- end -}}
