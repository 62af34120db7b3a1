{{/* What the server and the migration Job ask for: names, and the database. */}}
{{- define "mandate.baseEgress" -}}
# DNS
- ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
  {{- with .Values.networkPolicy.dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
# PostgreSQL, or the pooler in front of it
- ports:
    - protocol: TCP
      port: {{ .Values.networkPolicy.database.port }}
  {{- with .Values.networkPolicy.database.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The port of vault.address, said or by its scheme. */}}
{{- define "mandate.vaultPort" -}}
{{- $url := urlParse .Values.vault.address -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) -}}
{{- default (ternary "443" "80" (eq $url.scheme "https")) $port -}}
{{- end -}}

{{/* The host of issuerUrl, without a port. */}}
{{- define "mandate.issuerHost" -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse .Values.issuerUrl).host "" -}}
{{- end -}}
