{{/* The environment variable of each member of .Values.secrets. VAULT_TOKEN has no variable, only a file. */}}
{{- define "mandate.secretNames" -}}
databaseUrl: DATABASE_URL
keyEncryptionKey: KEY_ENCRYPTION_KEY
keyEncryptionKeyPrevious: KEY_ENCRYPTION_KEY_PREVIOUS
adminToken: ADMIN_TOKEN
gatewayHmacKey: GATEWAY_HMAC_KEY
metricsToken: METRICS_TOKEN
redisUrl: REDIS_URL
streamsHmacKey: STREAMS_HMAC_KEY
checkpointBucketKeySecret: CHECKPOINT_BUCKET_KEY_SECRET
vaultToken: VAULT_TOKEN
{{- end -}}

{{/* The folder that they are mounted at. */}}
{{- define "mandate.secretsPath" -}}/run/secrets/mandate{{- end -}}

{{/* Those that are given, by member: where each is. Context: root; suffix: of the Secret that the chart makes. */}}
{{- define "mandate.givenSecrets" -}}
{{- $root := .root -}}
{{- $own := printf "%s%s" (include "mandate.fullname" $root) .suffix -}}
{{- $given := dict -}}
{{- range $member, $name := include "mandate.secretNames" $root | fromYaml -}}
{{- $one := index $root.Values.secrets $member -}}
{{- if $one.existingSecret -}}
{{- $_ := set $given $member (dict "name" $name "secret" $one.existingSecret "key" $one.key) -}}
{{- else if $one.value -}}
{{- $_ := set $given $member (dict "name" $name "secret" $own "key" $name) -}}
{{- end -}}
{{- end -}}
{{- $given | toYaml -}}
{{- end -}}

{{/* A volume with a file for each. Context: root, suffix, members (all, if empty). */}}
{{- define "mandate.secretsVolume" -}}
{{- $members := .members -}}
name: secrets
projected:
  # Read by the group of the pod, and by nobody else.
  defaultMode: 288
  sources:
    {{- range $member, $at := include "mandate.givenSecrets" . | fromYaml }}
    {{- if or (empty $members) (has $member $members) }}
    - secret:
        name: {{ $at.secret }}
        items:
          - key: {{ $at.key }}
            path: {{ $at.name }}
    {{- end }}
    {{- end }}
{{- end -}}

{{/* The Secret of what is given by value, if anything is. Context: root. */}}
{{- define "mandate.secretData" -}}
{{- $root := . -}}
{{- range $member, $name := include "mandate.secretNames" . | fromYaml }}
{{- $one := index $root.Values.secrets $member }}
{{- if and $one.value (not $one.existingSecret) }}
{{ $name }}: {{ $one.value | toString | b64enc | quote }}
{{- end }}
{{- end }}
{{- end -}}
