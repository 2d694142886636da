{{/*
Gatepost's configuration: the value `config`, with the key that `sealingKey` names and authentik's address and token. Nothing
else is added.
*/}}
{{- define "gatepost.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.sealingKey.secretName -}}
{{- $session := default dict $config.session -}}
{{- range list "sealing_key" "sealing_key_file" -}}
{{- if get $session . -}}
{{- fail (printf "sealingKey.secretName and config.session.%s both name a sealing key; keep one of them" .) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $session "sealing_key_file" "/run/secrets/gatepost-sealing-key/sealing-key" -}}
{{- $_ := set $config "session" $session -}}
{{- end -}}
{{- if .Values.authentik.host -}}
{{- if $config.applications -}}
{{- fail "authentik.host and config.applications are both given; the applications come from one of them" -}}
{{- end -}}
{{- $authentik := default dict $config.authentik -}}
{{- range list "host" "token" "token_file" -}}
{{- if get $authentik . -}}
{{- fail (printf "config.authentik.%s stands beside the value authentik.host; keep one of the two ways" .) -}}
{{- end -}}
{{- end -}}
{{- if not .Values.authentik.token.secretName -}}
{{- fail "authentik.host needs authentik.token.secretName, the Secret that holds the token of the outpost" -}}
{{- end -}}
{{- $_ := set $authentik "host" .Values.authentik.host -}}
{{- $_ := set $authentik "token_file" "/run/secrets/gatepost-authentik/token" -}}
{{- $_ := set $config "authentik" $authentik -}}
{{- end -}}
{{- $session := default dict $config.session -}}
{{- if and (isAbs (toString (default "" $session.path))) (not (hasPrefix "/var/lib/gatepost/" $session.path)) -}}
{{- fail (printf "config.session.path is %s; the volume is mounted at /var/lib/gatepost, and nothing else can be written" $session.path) -}}
{{- end -}}
{{- if and (eq (include "gatepost.store" .) "redis") (not (or $session.sealing_key $session.sealing_key_file)) -}}
{{- fail "config.session.store is redis, which needs a sealing key that all replicas share; name a Secret in sealingKey.secretName" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/*
A hash of the settings that need a restart. All others apply while Gatepost runs, and a rollout for them would end the
sessions of the store `memory`.
*/}}
{{- define "gatepost.restartSettings" -}}
{{- $config := omit (include "gatepost.config" . | fromYaml) "applications" "provider" "tls" "admin" -}}
{{- if $config.authentik -}}
{{- $_ := set $config "authentik" (pick $config.authentik "host") -}}
{{- end -}}
{{- if $config.session -}}
{{- $session := omit $config.session "refresh" -}}
{{- if $session.redis -}}
{{- $_ := set $session "redis" (omit $session.redis "username" "password" "password_file" "sentinel_username" "sentinel_password" "sentinel_password_file" "ca_file" "client_certificate_file" "client_key_file") -}}
{{- end -}}
{{- $_ := set $config "session" $session -}}
{{- end -}}
{{- if $config.limits -}}
{{- $_ := set $config "limits" (omit $config.limits "identity_headers") -}}
{{- end -}}
{{- range $key, $section := $config -}}
{{- if empty $section -}}
{{- $_ := unset $config $key -}}
{{- end -}}
{{- end -}}
{{- toJson $config | sha256sum -}}
{{- end -}}
