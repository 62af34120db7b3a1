/** A dashboard of Grafana, as far as tests look at it. */
export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[];
  };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly {
    readonly expr: string;
    readonly datasource: { readonly uid: string };
  }[];
}

/** Everything that a dashboard asks Prometheus. */
export function expressionsOf({ panels, annotations }: Dashboard): string[] {
  return [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...annotations.list.map(({ expr }) => expr),
  ];
}

/** Metrics that a text names, without what histograms add to their names. */
export function metricsIn(text: string): string[] {
  const named = text.match(/\b(?:mandate|nodejs|process)_[a-z0-9_]+\b/g) ?? [];
  return [...new Set(named.map((name) => name.replace(/_(bucket|sum|count)$/, '')))];
}
