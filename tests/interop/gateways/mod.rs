//! Istio and Envoy Gateway: the configuration that their own code makes of `gatepost snippet` and of the chart, in the real Envoy.
//!
//! No cluster runs. Istio's control plane (`istio/`, a program around its library) and Envoy Gateway's translator (`egctl`) read the
//! resources and answer with Envoy's listeners, routes, clusters and endpoints, which Envoy loads.

mod chart;
mod checks;
mod cluster;
#[path = "../../deploy/helm.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "the tests of the chart use the rest of it, and unwrap")]
mod helm;
mod helm_3;
mod load;
mod operator;
mod row;
mod site;
mod translate;

use crate::options::Options;
use crate::table::Table;

use row::ROWS;

pub(crate) async fn tables(options: &Options) -> Vec<Table> {
    let mut tables = Vec::new();
    if options.runs_table("helm") {
        tables.push(helm_3::table().await);
    }
    if options.runs_table("gateways") {
        let mut rows = Vec::new();
        for row in ROWS.iter().filter(|row| options.runs_row(row.name)) {
            rows.push(row.run().await);
        }
        tables.push(Table { name: "gateways", corner: "Gateway", columns: &row::COLUMNS, rows });
    }
    tables
}
