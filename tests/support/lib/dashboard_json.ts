// A Grafana dashboard as JSON: the types of Grafana's own SDK, with what they leave open (a panel's options, its queries) tied to
// the panel's type. For dashboard.test.mjs.
import type * as bargauge from "@grafana/grafana-foundation-sdk/bargauge";
import type * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import type * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import type * as stat from "@grafana/grafana-foundation-sdk/stat";
import type * as table from "@grafana/grafana-foundation-sdk/table";
import type * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

// In JSON an enum is its value; what a panel leaves out has a default.
type Json<T> = T extends string
  ? `${T}`
  : T extends number
    ? number extends T
      ? T
      : `${T}` extends `${infer N extends number}`
        ? N
        : never
    : T extends (infer U)[]
      ? Json<U>[]
      : T extends object
        ? { [K in keyof T]: Json<T[K]> }
        : T;
type Partly<T> = T extends unknown[] ? T : T extends object ? { [K in keyof T]?: Partly<T[K]> } : T;

type Datasource = { type: "prometheus"; uid: "${datasource}" };
type Query = Json<Omit<prometheus.Dataquery, "_implementsDataqueryVariant" | "datasource">> & {
  refId: string;
  datasource: Datasource;
};
type PanelOf<Type extends string, Options, Custom = never> = Json<
  Required<Pick<dashboard.Panel, "id" | "title" | "description" | "gridPos">> & Pick<dashboard.Panel, "transformations">
> & {
  type: Type;
  datasource: Datasource;
  targets: Query[];
  options: Partly<Json<Options>>;
  fieldConfig: {
    defaults: Json<Omit<dashboard.FieldConfig, "custom" | "unit">> & { unit: string; custom?: Partly<Json<Custom>> };
    overrides: Json<dashboard.FieldConfigSource["overrides"]>;
  };
};
export type Panel =
  | PanelOf<"stat", stat.Options>
  | PanelOf<"bargauge", bargauge.Options>
  | PanelOf<"table", table.Options, table.FieldConfig>
  | PanelOf<"timeseries", timeseries.Options, timeseries.FieldConfig>;
export type Row = Json<Omit<dashboard.RowPanel, "panels">> & { panels: [] };

export type DashboardJson = Json<Omit<dashboard.Dashboard, "panels">> & { uid: string; panels: (Panel | Row)[] };
