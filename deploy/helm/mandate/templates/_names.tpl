{{/* The name of the chart, and of everything that it makes. */}}
{{- define "mandate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "mandate.fullname" -}}
{{- $name := include "mandate.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mandate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mandate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mandate.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}

{{/* Labels of the release, without the component. */}}
{{- define "mandate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "mandate.ownLabels" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "mandate.ownLabels" -}}
app.kubernetes.io/name: {{ include "mandate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of pods: a new version of the chart alone does not replace them. */}}
{{- define "mandate.podLabels" -}}
{{ include "mandate.ownLabels" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | trimSuffix "-" | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What selects the pods of the server, and those alone. A Deployment cannot change it. */}}
{{- define "mandate.selectorLabels" -}}
{{ include "mandate.ownLabels" . }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "mandate.migrateLabels" -}}
{{ include "mandate.ownLabels" . }}
app.kubernetes.io/component: migrate
{{- end -}}

{{/* The port that probes and Prometheus ask: the internal one, where no stranger can take the places. */}}
{{- define "mandate.operatorsPort" -}}
{{- if .Values.ports.internal -}}internal{{- else -}}public{{- end -}}
{{- end -}}

{{- define "mandate.operatorsService" -}}
{{- if .Values.ports.internal -}}{{ include "mandate.fullname" . }}-internal{{- else -}}{{ include "mandate.fullname" . }}{{- end -}}
{{- end -}}

{{/* Seconds after SIGTERM at which the kubelet kills: after the drain, the stop, and a margin. */}}
{{- define "mandate.gracePeriod" -}}
{{- add (int .Values.drainSeconds) (int .Values.stopSeconds) 5 -}}
{{- end -}}

{{/* Connections of PostgreSQL that all pods take at most: those that there may be, and those of a rollout beside them. */}}
{{- define "mandate.connections" -}}
{{- $workers := int .Values.workers -}}
{{- $each := ternary 27 (add (mul $workers 15) 5) (eq $workers 1) -}}
{{- if .Values.databasePoolSize -}}{{- $each = int .Values.databasePoolSize -}}{{- end -}}
{{- $pods := int (ternary .Values.autoscaling.maxReplicas .Values.replicaCount .Values.autoscaling.enabled) -}}
{{- $surge := .Values.maxSurge -}}
{{- if kindIs "string" $surge -}}
{{- $surge = div (add (mul $pods (trimSuffix "%" $surge | int)) 99) 100 -}}
{{- end -}}
{{- mul $each (add $pods (int $surge)) -}}
{{- end -}}
