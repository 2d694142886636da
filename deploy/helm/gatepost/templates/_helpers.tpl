{{- define "gatepost.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "gatepost" .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-gatepost" .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The host name of the Service. */}}
{{- define "gatepost.host" -}}
{{- printf "%s.%s.svc.cluster.local" (include "gatepost.name" .) .Release.Namespace -}}
{{- end -}}

{{- define "gatepost.selectorLabels" -}}
app.kubernetes.io/name: gatepost
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gatepost.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{ include "gatepost.selectorLabels" . }}
{{- end -}}

{{- define "gatepost.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gatepost.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gatepost.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The session store: `file`, `memory` or `redis`. */}}
{{- define "gatepost.store" -}}
{{- dig "session" "store" "file" .Values.config | default "file" -}}
{{- end -}}

{{/*
The port of a listener, or nothing if it is off. A listener that the pod alone can reach would make every Check fail.
Arguments: the root context, the listener's key, its default port.
*/}}
{{- define "gatepost.port" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $address := dig "listen" $key nil $root.Values.config -}}
{{- if kindIs "invalid" $address -}}
{{- index . 2 -}}
{{- else if has (toString $address) (list "off" "false") -}}
{{- else -}}
{{- $text := toString $address -}}
{{- if or (hasPrefix "127." $text) (hasPrefix "[::1]" $text) -}}
{{- fail (printf "config.listen.%s is %s, which only the pod itself can reach; write a port alone, such as %d" $key $text (index . 2)) -}}
{{- end -}}
{{- $port := regexFind "[0-9]+$" $text | int -}}
{{- if eq $port 0 -}}
{{- fail (printf "config.listen.%s is %s; the Service needs a port that is known, such as %d" $key $text (index . 2)) -}}
{{- end -}}
{{- $port -}}
{{- end -}}
{{- end -}}

{{- define "gatepost.grpcPort" -}}{{ include "gatepost.port" (list . "grpc" 9001) }}{{- end -}}
{{- define "gatepost.httpPort" -}}{{ include "gatepost.port" (list . "http" 9000) }}{{- end -}}
{{- define "gatepost.httpsPort" -}}{{ include "gatepost.port" (list . "https" 9443) }}{{- end -}}
{{- define "gatepost.metricsPort" -}}{{ include "gatepost.port" (list . "metrics" 9300) }}{{- end -}}

{{/* The port of `listen.http`, which the feature that is named needs. Arguments: the root context, the feature's value. */}}
{{- define "gatepost.neededHttpPort" -}}
{{- $port := include "gatepost.httpPort" (index . 0) -}}
{{- if not $port -}}
{{- fail (printf "%s sends requests to listen.http, which is off in config.listen.http" (index . 1)) -}}
{{- end -}}
{{- $port -}}
{{- end -}}

{{/* A duration of Gatepost's configuration in whole seconds, rounded up. */}}
{{- define "gatepost.seconds" -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d)" . -1 -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "ms" -}}
{{- $sum = add $sum (div (add $number 999) 1000) -}}
{{- else -}}
{{- $sum = add $sum (mul $number (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit)) -}}
{{- end -}}
{{- end -}}
{{- $sum -}}
{{- end -}}
