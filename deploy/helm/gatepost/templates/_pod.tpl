{{/* The pod template of the Deployment or StatefulSet. */}}
{{- define "gatepost.pod" -}}
metadata:
  annotations:
    # Gatepost reads a changed configuration by itself; only these settings need new pods.
    gatepost/restart-settings: {{ include "gatepost.restartSettings" . }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "gatepost.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "gatepost.serviceAccountName" . }}
  # Gatepost asks nothing of the cluster's API.
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- /* After SIGTERM Gatepost still serves for `shutdown.delay`, while its readiness already fails, and finishes requests within `shutdown.grace`. So a preStop hook is not needed. */}}
  {{- $shutdown := default dict .Values.config.shutdown }}
  terminationGracePeriodSeconds: {{ add (include "gatepost.seconds" (default "5s" (get $shutdown "delay") | toString)) (include "gatepost.seconds" (default "25s" (get $shutdown "grace") | toString)) 5 }}
  containers:
  - name: gatepost
    image: {{ include "gatepost.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args: [serve]
    # Relative paths of the configuration's `session.path` begin at the volume.
    workingDir: /var/lib/gatepost
    securityContext:
      {{- toYaml .Values.securityContext | nindent 6 }}
    env:
    - name: GATEPOST_CONFIG
      value: /etc/gatepost/gatepost.yaml
    - name: STATE_DIRECTORY
      value: /var/lib/gatepost
    {{- range .Values.secretEnv }}
    - name: {{ .name }}
      valueFrom:
        secretKeyRef:
          name: {{ .secretName | quote }}
          key: {{ .key | quote }}
    {{- end }}
    ports:
    - name: grpc
      containerPort: {{ include "gatepost.grpcPort" . }}
    {{- with include "gatepost.httpPort" . }}
    - name: http
      containerPort: {{ . }}
    {{- end }}
    {{- with include "gatepost.httpsPort" . }}
    - name: https
      containerPort: {{ . }}
    {{- end }}
    - name: metrics
      containerPort: {{ include "gatepost.metricsPort" . }}
    # Passes once Envoy's port serves, up to a minute for the check of a large session file.
    startupProbe:
      grpc:
        port: {{ include "gatepost.grpcPort" . }}
      periodSeconds: 1
      failureThreshold: 60
    readinessProbe:
      httpGet:
        path: /readyz
        port: metrics
      periodSeconds: 2
      failureThreshold: 2
    livenessProbe:
      httpGet:
        path: /livez
        port: metrics
      periodSeconds: 10
      failureThreshold: 3
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    volumeMounts:
    # Folders, not single files: only these follow a change.
    - name: config
      mountPath: /etc/gatepost
      readOnly: true
    - name: state
      mountPath: /var/lib/gatepost
    {{- if .Values.sealingKey.secretName }}
    - name: sealing-key
      mountPath: /run/secrets/gatepost-sealing-key
      readOnly: true
    {{- end }}
    {{- if .Values.authentik.host }}
    - name: authentik
      mountPath: /run/secrets/gatepost-authentik
      readOnly: true
    {{- end }}
    {{- range $index, $file := .Values.secretFiles }}
    - name: secret-{{ $index }}
      mountPath: /run/secrets/gatepost/{{ $file.secretName }}
      readOnly: true
    {{- end }}
    {{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
  - name: config
    configMap:
      name: {{ include "gatepost.name" . }}
  {{- if ne (include "gatepost.store" .) "file" }}
  # authentik's last answer, where the applications come from authentik.
  - name: state
    emptyDir: {}
  {{- end }}
  {{- if .Values.sealingKey.secretName }}
  - name: sealing-key
    secret:
      secretName: {{ .Values.sealingKey.secretName | quote }}
      defaultMode: 0440
      items:
      - key: {{ .Values.sealingKey.key | quote }}
        path: sealing-key
  {{- end }}
  {{- if .Values.authentik.host }}
  - name: authentik
    secret:
      secretName: {{ .Values.authentik.token.secretName | quote }}
      defaultMode: 0440
      items:
      - key: {{ .Values.authentik.token.key | quote }}
        path: token
  {{- end }}
  {{- range $index, $file := .Values.secretFiles }}
  - name: secret-{{ $index }}
    secret:
      secretName: {{ $file.secretName | quote }}
      defaultMode: 0440
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .Values.topologySpreadKeys }}
  topologySpreadConstraints:
  {{- range . }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "gatepost.selectorLabels" $ | nindent 8 }}
  {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
{{- end -}}
