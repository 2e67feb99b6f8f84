//! Writes the section: the quotas, the measurements next to the simulation, and the simulation of each variant.

use std::collections::{BTreeMap, BTreeSet};

use local::gateway::quota::{Counts, Limit, Source, bucket_of};

use super::account::{
    Account, HIGHER_PUT_PARAMETER, HIGHER_SOURCE, LAMBDA_CONCURRENCY, LAMBDA_SOURCE,
    NEW_ACCOUNT_CONCURRENCY, NEW_ACCOUNT_SOURCE, PARAMETER_GROUPS, RESOURCES, ResourceQuota,
    TRANSITIONS,
};
use super::cost::cost;
use super::measure::{Measured, SCALE};
use super::recipe::Recipe;
use super::simulation::Outcome;
use super::{CREATION_SECONDS, Simulated};
use crate::report::table;

/// Returns the section's text.
pub fn write(
    recipe: &Recipe,
    measured: &[(u32, Measured)],
    validation: &[Outcome],
    simulated: &[Simulated],
) -> String {
    let parts = [
        introduction(),
        quotas(recipe),
        measurements(measured, validation),
        operations(measured),
        simulations(simulated),
    ];
    parts.join("\n\n")
}

fn introduction() -> String {
    format!(
        "All environments are requested by events at once, and ElastiCache takes {CREATION_SECONDS:.0} seconds for each \
         cache, so that polls and publications coincide. This is the worst case. Times are in AWS's seconds, from the events \
         to the last published environment. Costs are those of Step Functions and Lambda for one environment, and of \
         Parameter Store's higher throughput; the other costs of a run don't depend on the number of environments."
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Documented(page) => format!("[documented]({page})"),
        Source::Assumed(why) => format!("assumed: {why}"),
    }
}

/// Lists the quotas that apply.
fn quotas(recipe: &Recipe) -> String {
    let mut rows =
        vec!["### Quotas\n\n| quota | default | source |\n| --- | --- | --- |".to_owned()];
    let operations: BTreeSet<_> = recipe
        .steps
        .iter()
        .flat_map(|step| &step.operations)
        .map(|operation| (operation.service.as_str(), bucket_of(&operation.name)))
        .collect();
    let rate = |limit: Limit| {
        format!(
            "{:.0} a second, burst {:.0}",
            limit.rate.per_second, limit.rate.burst
        )
    };
    rows.extend(operations.into_iter().map(|(service, operation)| {
        let limit = Limit::of(service, operation);
        let source = source(limit.source);
        format!(
            "| calls of `{service}:{operation}` | {} | {source} |",
            rate(limit)
        )
    }));
    rows.push(format!(
        "| `ssm:PutParameter` with higher throughput | {:.0} a second | {} |",
        HIGHER_PUT_PARAMETER.per_second,
        source(HIGHER_SOURCE)
    ));
    rows.push(format!(
        "| state transitions; further ones are delayed, and new accounts have less | {} | {} |",
        rate(TRANSITIONS),
        source(TRANSITIONS.source)
    ));
    rows.push(format!(
        "| concurrent executions of Lambda | {LAMBDA_CONCURRENCY} | {} |",
        source(LAMBDA_SOURCE)
    ));
    rows.push(format!(
        "| the same in a new account | {NEW_ACCOUNT_CONCURRENCY} | {} |",
        source(NEW_ACCOUNT_SOURCE)
    ));
    let resources = RESOURCES.iter().map(|quota| resource(quota, ""));
    rows.extend(resources);
    rows.push(resource(&PARAMETER_GROUPS, " with `cache.parameters`"));
    rows.push(
        "\nThe measurements and the simulation assume that the quotas for resources were increased as needed. Their \
         environments have no `cache.parameters` and no `cache.logs`."
            .to_owned(),
    );
    rows.join("\n")
}

/// Returns the row of a quota that environments of a kind use up.
fn resource(quota: &ResourceQuota, kind: &str) -> String {
    format!(
        "| {} in a Region, {} for each environment{kind} | {}, enough for {} environments | {} |",
        quota.name,
        quota.per_environment,
        quota.default,
        quota.environments(),
        source(quota.source)
    )
}

/// Lists the measurements, each with the simulation of the same number.
fn measurements(measured: &[(u32, Measured)], validation: &[Outcome]) -> String {
    let mut rows = vec![format!(
        "### Measured on the simulator\n\n\
         {SCALE} real seconds per second. The simulator draws no jitter and caps retry delays at 60 seconds, and so does the \
         simulation next to it.\n\n\
         | environments | by | {COLUMNS} |\n| ---: | --- | {ALIGNMENT} |"
    )];
    for ((environments, measured), simulated) in measured.iter().zip(validation) {
        for (by, outcome) in [("simulator", &measured.outcome), ("simulation", simulated)] {
            rows.push(format!(
                "| {environments} | {by} | {} |",
                cells(*environments, outcome, &Account::default())
            ));
        }
    }
    rows.push(
        "\nEach published environment was checked: one execution, one cache, and its four parameters have the values that \
         ElastiCache describes."
            .to_owned(),
    );
    rows.join("\n")
}

/// Lists the calls by operation of the measurements.
fn operations(measured: &[(u32, Measured)]) -> String {
    let sizes: Vec<_> = measured.iter().map(|(size, _)| size.to_string()).collect();
    let names: BTreeSet<_> = measured
        .iter()
        .flat_map(|(_, measured)| measured.outcome.calls.keys())
        .collect();
    let heading: Vec<_> = ["operation"]
        .into_iter()
        .chain(sizes.iter().map(String::as_str))
        .collect();
    let rows: Vec<Vec<String>> = names
        .into_iter()
        .map(|name| {
            let counts = measured
                .iter()
                .map(|(_, measured)| measured.outcome.calls.get(name).copied())
                .map(|counts| shown(counts.unwrap_or_default()));
            [format!("`{name}`")].into_iter().chain(counts).collect()
        })
        .collect();
    format!(
        "Calls by operation on the simulator, and how many of them were throttled:\n\n{}",
        table(&heading, &rows)
    )
}

fn shown(counts: Counts) -> String {
    match counts.throttled {
        0 => counts.calls.to_string(),
        throttled => format!("{}, {throttled} throttled", counts.calls),
    }
}

/// Lists the outcomes of each variant.
fn simulations(simulated: &[Simulated]) -> String {
    let tables = simulated.iter().map(|variant| {
        let rows: Vec<_> = variant
            .outcomes
            .iter()
            .map(|(environments, outcome)| {
                format!(
                    "| {environments} | {} |",
                    cells(*environments, outcome, &variant.account)
                )
            })
            .collect();
        format!(
            "#### {}\n\n| environments | {COLUMNS} |\n| ---: | {ALIGNMENT} |\n{}{}",
            variant.name,
            rows.join("\n"),
            failures(&variant.outcomes)
        )
    });
    let tables: Vec<_> = tables.collect();
    format!(
        "### Simulated\n\nThe simulation uses the same poll schedule, retry policies, and rate limits. *Limited by* is the \
         quota that takes longest for the calls that succeeded, and how long it takes for them. All other quotas are the \
         default ones.\n\n{}",
        tables.join("\n\n")
    )
}

/// Returns a paragraph about the failed runs, or nothing.
fn failures(outcomes: &[(u32, Outcome)]) -> String {
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| !outcome.failed.is_empty() || outcome.not_started > 0)
        .map(|(environments, outcome)| {
            let mut causes: Vec<_> = outcome
                .failed
                .iter()
                .map(|(cause, count)| format!("{count} × `{cause}`"))
                .collect();
            if outcome.not_started > 0 {
                causes.push(format!("{} × not started", outcome.not_started));
            }
            format!("- of {environments}: {}", causes.join(", "))
        })
        .collect();
    if failed.is_empty() {
        return String::new();
    }
    format!(
        "\n\nFailed runs, which have to be started again:\n\n{}",
        failed.join("\n")
    )
}

/// The columns of [`cells`].
const COLUMNS: &str = "published | failed | median, s | last, s | calls | throttled | retries | transitions | cost | limited by";
const ALIGNMENT: &str = "---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---";

/// Returns the cells of an outcome. Calls, retries, transitions, and costs are those of one environment.
fn cells(environments: u32, outcome: &Outcome, account: &Account) -> String {
    let per_environment = |total: u32| f64::from(total) / f64::from(environments);
    let sum = |count: fn(&Counts) -> u32| per_environment(outcome.calls.values().map(count).sum());
    let failed: u32 = outcome.failed.values().sum();
    let published = &outcome.published;
    let time =
        |time: Option<&f64>| time.map_or_else(|| "–".to_owned(), |time| format!("{time:.0}"));
    let (name, seconds) = bottleneck(&outcome.calls, account);
    let cost = cost(outcome, account.put_parameter.is_some()) / f64::from(environments);
    [
        published.len().to_string(),
        (failed + outcome.not_started).to_string(),
        time(published.get(published.len() / 2)),
        time(published.last()),
        format!("{:.0}", sum(|counts| counts.calls)),
        format!("{:.1}", sum(|counts| counts.throttled)),
        format!("{:.1}", per_environment(outcome.retries)),
        format!("{:.0}", per_environment(outcome.transitions)),
        format!("${cost:.4}"),
        format!("`{name}`, {seconds:.0} s"),
    ]
    .join(" | ")
}

/// Returns the operation whose rate limit takes longest for the calls that succeeded, and how many seconds it takes.
fn bottleneck(calls: &BTreeMap<String, Counts>, account: &Account) -> (String, f64) {
    let mut buckets: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (name, counts) in calls {
        if let Some((service, operation)) = name.split_once(' ') {
            *buckets.entry((service, bucket_of(operation))).or_default() +=
                counts.calls - counts.throttled;
        }
    }
    buckets
        .into_iter()
        .map(|((service, operation), admitted)| {
            let rate = account.rate(service, operation);
            let beyond_burst = (f64::from(admitted) - rate.burst).max(0.0);
            (
                format!("{service}:{operation}"),
                beyond_burst / rate.per_second,
            )
        })
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use local::gateway::quota::Counts;

    use super::{Account, Outcome, bottleneck, cells, failures};

    fn calls() -> BTreeMap<String, Counts> {
        let counts = |calls, throttled| Counts { calls, throttled };
        BTreeMap::from([
            (
                "elasticache DescribeReplicationGroups".to_owned(),
                counts(2_550, 0),
            ),
            ("ssm PutParameter".to_owned(), counts(2_003, 1_000)),
            ("ssm GetParameters".to_owned(), counts(100, 0)),
        ])
    }

    #[test]
    fn bottleneck_needs_the_most_time_beyond_its_burst() {
        let (name, seconds) = bottleneck(&calls(), &Account::default());

        // 1,003 calls, of which 3 are a burst, at 3 a second.
        assert_eq!(
            (name.as_str(), format!("{seconds:.0}")),
            ("ssm:PutParameter", "333".to_owned())
        );
    }

    #[test]
    fn cells_show_figures_of_one_environment() {
        let outcome = Outcome {
            published: vec![362.0, 370.4],
            failed: BTreeMap::from([("PublishEndpoint: Throttled".to_owned(), 8)]),
            calls: calls(),
            retries: 25,
            transitions: 1_000,
            invocations: 400,
            ..Outcome::default()
        };

        let cells = cells(10, &outcome, &Account::default());

        assert_eq!(
            cells,
            "2 | 8 | 370 | 370 | 465 | 100.0 | 2.5 | 100 | $0.0027 | `ssm:PutParameter`, 333 s"
        );
        assert!(
            failures(&[(10, outcome)]).ends_with("- of 10: 8 × `PublishEndpoint: Throttled`"),
            "{cells}"
        );
        assert!(failures(&[(10, Outcome::default())]).is_empty());
    }
}
