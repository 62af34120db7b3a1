{{/* Text of a value: large numbers as digits. */}}
{{- define "mandate.text" -}}
{{- if kindIs "float64" . -}}{{ . | int64 }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/*
The environment of a container, without any secret.
Context: root; members: the secrets that it has files of (all, if empty).
*/}}
{{- define "mandate.env" -}}
{{- $root := .root -}}
{{- $members := .members -}}
{{- $values := .root.Values -}}
{{- $path := include "mandate.secretsPath" .root -}}
- name: PORT
  value: {{ include "mandate.text" $values.ports.public | quote }}
{{- if $values.ports.internal }}
- name: INTERNAL_PORT
  value: {{ include "mandate.text" $values.ports.internal | quote }}
{{- end }}
- name: ISSUER_URL
  value: {{ $values.issuerUrl | quote }}
- name: TRUST_PROXY
  value: {{ include "mandate.text" $values.trustProxy | quote }}
{{- if $values.workers }}
- name: WORKERS
  value: {{ include "mandate.text" $values.workers | quote }}
{{- end }}
{{- if $values.databasePoolSize }}
- name: DATABASE_POOL_SIZE
  value: {{ include "mandate.text" $values.databasePoolSize | quote }}
{{- end }}
- name: START_SECONDS
  value: {{ include "mandate.text" $values.startSeconds | quote }}
- name: DRAIN_SECONDS
  value: {{ include "mandate.text" $values.drainSeconds | quote }}
- name: STOP_SECONDS
  value: {{ include "mandate.text" $values.stopSeconds | quote }}
{{- range $member, $at := include "mandate.givenSecrets" (dict "root" $root "suffix" "") | fromYaml }}
{{- if and (ne $member "vaultToken") (or (empty $members) (has $member $members)) }}
- name: {{ $at.name }}_FILE
  value: {{ $path }}/{{ $at.name }}
{{- end }}
{{- end }}
{{- if $values.vault.enabled }}
- name: KEY_ENCRYPTION_PROVIDER
  value: {{ ternary "vault" "env" $values.vault.seals }}
- name: VAULT_ADDR
  value: {{ $values.vault.address | quote }}
- name: VAULT_TRANSIT_MOUNT
  value: {{ $values.vault.transitMount | quote }}
- name: VAULT_TRANSIT_KEY
  value: {{ $values.vault.transitKey | quote }}
- name: VAULT_TOKEN_FILE
  value: {{ default (printf "%s/VAULT_TOKEN" $path) $values.vault.tokenFile | quote }}
{{- end }}
{{- if $values.trustedCa.configMap }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/mandate/ca/ca.crt
{{- end }}
{{- range $name, $value := $values.config }}
- name: {{ $name }}
  value: {{ include "mandate.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* What a container mounts, as the command line and the server do. */}}
{{- define "mandate.volumeMounts" -}}
- name: secrets
  mountPath: {{ include "mandate.secretsPath" . }}
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if .Values.trustedCa.configMap }}
- name: trusted-ca
  mountPath: /etc/mandate/ca
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Context: root, suffix, members. */}}
{{- define "mandate.volumes" -}}
- {{ include "mandate.secretsVolume" . | nindent 2 | trim }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .root.Values.tmpSizeLimit }}
{{- if .root.Values.trustedCa.configMap }}
- name: trusted-ca
  configMap:
    name: {{ .root.Values.trustedCa.configMap }}
    items:
      - key: {{ .root.Values.trustedCa.key }}
        path: ca.crt
{{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The members of .Values.secrets that migrations are given. */}}
{{- define "mandate.migrateMembers" -}}
- databaseUrl
{{- end -}}

{{/* The container that brings tables and SQL functions up to date. */}}
{{- define "mandate.migrateContainer" -}}
name: migrate
image: {{ include "mandate.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [mandate, migrate]
env:
  {{- include "mandate.env" (dict "root" . "members" (include "mandate.migrateMembers" . | fromYamlArray)) | nindent 2 }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
securityContext:
  {{- toYaml .Values.containerSecurityContext | nindent 2 }}
resources:
  {{- toYaml .Values.migrations.resources | nindent 2 }}
volumeMounts:
  {{- include "mandate.volumeMounts" . | nindent 2 }}
{{- end -}}

{{/* The nodes of a pod that runs beside the server for a while: those of the server. Not how its pods keep away from each other. */}}
{{- define "mandate.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity.nodeAffinity }}
affinity:
  nodeAffinity:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
