//! Writes the section: the quotas, the measurements next to the simulation, and the simulation of each variant, with what the
//! removal of the first bottleneck changed.

use std::collections::{BTreeMap, BTreeSet};

use local::gateway::quota::{Counts, Limit, Rate, Source, bucket_of};

use super::account::{
    Account, HIGHER_GET_PARAMETERS, HIGHER_PUT_PARAMETER, LAMBDA_CONCURRENCY, LAMBDA_SOURCE,
    NEW_ACCOUNT_CONCURRENCY, NEW_ACCOUNT_SOURCE, PARAMETER_GROUPS, RESOURCES, ResourceQuota,
    TRANSITIONS,
};
use super::cost::cost;
use super::measure::{FUNCTIONS_AT_ONCE, Measured, SCALE};
use super::recipe::Recipe;
use super::simulation::Outcome;
use super::{CREATION_SECONDS, Simulated, bottleneck};
use crate::report::table;
use crate::retry::Retrier;
use crate::statistics::grouped;

/// Returns the section's text.
pub fn write(
    recipe: &Recipe,
    measured: &[(u32, Measured)],
    validation: &[Outcome],
    simulated: &[Simulated],
) -> String {
    let parts = [
        introduction(),
        quotas(recipe, measured),
        measurements(measured, validation),
        operations(measured),
        simulations(recipe, simulated),
    ];
    parts.join("\n\n")
}

fn introduction() -> String {
    format!(
        "All environments are requested by events at once, and ElastiCache takes {CREATION_SECONDS:.0} seconds for each \
         cache, so that polls and publications coincide. This is the worst case. Times are in AWS's seconds, from the events \
         to the publication of an environment. Calls, retries, transitions, and costs are those of one environment. *Calls* \
         includes the throttled ones. *Retries* are those of the state machine, and each is a state transition too. The cost is \
         that of Step Functions, of Lambda if each function call took a whole second, and of Parameter Store's higher throughput; \
         the other costs of a run don't depend on the number of environments.\n\n\
         *Busiest limit* is the limit that alone would take longest to admit all calls that weren't throttled, all state \
         transitions, or all functions. Polls spread over the creation, so that of `DescribeReplicationGroups` counts without \
         those {CREATION_SECONDS:.0} seconds.\n\n\
         The functions are those of the development build, which are slower than the deployed ones."
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Documented(page) => format!("[documented]({page})"),
        Source::Assumed(why) => format!("assumed: {why}"),
    }
}

/// Lists the quotas that apply.
fn quotas(recipe: &Recipe, measured: &[(u32, Measured)]) -> String {
    let mut rows =
        vec!["### Quotas\n\n| quota | default | source |\n| --- | --- | --- |".to_owned()];
    // Operations that share a limit are in one row.
    let mut operations: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    let recipe = recipe.steps.iter().flat_map(|step| &step.operations);
    let recipe = recipe.map(|operation| (operation.service.as_str(), operation.name.as_str()));
    let calls = measured
        .iter()
        .flat_map(|(_, measured)| measured.outcome.calls.keys())
        .filter_map(|call| call.split_once(' '));
    for (service, operation) in recipe.chain(calls) {
        let sharing = operations.entry((service, bucket_of(operation)));
        sharing
            .or_default()
            .insert(format!("`{service}:{operation}`"));
    }
    let rate = |limit: Limit| {
        format!(
            "{} a second, burst {}",
            grouped(&format!("{:.0}", limit.rate.per_second)),
            grouped(&format!("{:.0}", limit.rate.burst))
        )
    };
    rows.extend(operations.into_iter().map(|((service, bucket), sharing)| {
        let limit = Limit::of(service, bucket);
        let names: Vec<_> = sharing.into_iter().collect();
        format!(
            "| calls of {} | {} | {} |",
            names.join(" and "),
            rate(limit),
            source(limit.source)
        )
    }));
    let higher = [
        ("PutParameter", HIGHER_PUT_PARAMETER),
        ("GetParameters", HIGHER_GET_PARAMETERS),
    ];
    rows.extend(higher.map(|(operation, limit)| {
        format!(
            "| `ssm:{operation}` with higher throughput | {} a second | {} |",
            grouped(&format!("{:.0}", limit.rate.per_second)),
            source(limit.source)
        )
    }));
    rows.push(format!(
        "| state transitions; further ones are delayed, and new accounts have less | {} | {} |",
        rate(TRANSITIONS),
        source(TRANSITIONS.source)
    ));
    rows.push(format!(
        "| concurrent executions of Lambda | {} | {} |",
        grouped(&LAMBDA_CONCURRENCY.to_string()),
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
        "\nA documented rate that depends on the Region is that of most Regions, and for `PutEvents` that of the Regions where \
         it is lowest. A rate limit is simulated as a token bucket, which calls at once can empty. AWS documents this, with its \
         burst, only for EC2, for `StartExecution`, and for transitions; the other documented rates are assumed to have a burst of \
         one second.\n\n\
         The measurements and the simulation assume that the quotas for resources were increased as needed. Their \
         environments have no `cache.parameters` and no `cache.logs`. [Lambda's](https://docs.aws.amazon.com/lambda/latest/dg/\
         gettingstarted-limits.html) limits for calls a second, ten for each concurrent execution, and for the growth of a \
         function's concurrency, 1,000 every 10 seconds, aren't simulated."
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
        grouped(&quota.default.to_string()),
        grouped(&quota.environments().to_string()),
        source(quota.source)
    )
}

/// Lists the measurements, each with the simulation of the same number.
fn measurements(measured: &[(u32, Measured)], validation: &[Outcome]) -> String {
    let mut rows = vec![format!(
        "### Measured on the simulator\n\n\
         Each of AWS's seconds passed in {SCALE} seconds of real time. The time that this machine takes for a call, and the \
         wait of the SDK before its second attempt, aren't scaled, so they count {} times. The simulator draws no jitter and caps \
         retry delays at 60 seconds, and so does the simulation next to it. At most {FUNCTIONS_AT_ONCE} functions run at the same \
         time, and further ones wait: with hundreds on this machine's cores, AWS calls would take longer than the SDK waits for \
         them.\n\n\
         | environments | by | {COLUMNS} |\n| ---: | --- | {ALIGNMENT} |",
        SCALE.recip()
    )];
    for ((environments, measured), simulated) in measured.iter().zip(validation) {
        for (by, outcome) in [("simulator", &measured.outcome), ("simulation", simulated)] {
            rows.push(format!(
                "| {environments} | {by} | {} |",
                cells(*environments, outcome, &Account::default())
            ));
        }
    }
    let outcomes = measured.iter();
    let outcomes = outcomes.map(|(size, measured)| (*size, &measured.outcome));
    if let Some(row) = rows.last_mut() {
        row.push_str(&failures(outcomes));
    }
    rows.push(
        "\nEach environment was checked: it has one execution, which ended; its cache exists if it is published, and its four \
         parameters have the values that ElastiCache describes. There are no other caches."
            .to_owned(),
    );
    rows.push(format!("\n{}", deviation(measured, validation)));
    rows.join("\n")
}

/// Tells by how much the simulation differs from the measurements.
fn deviation(measured: &[(u32, Measured)], validation: &[Outcome]) -> String {
    let differences =
        measured
            .iter()
            .zip(validation)
            .filter_map(|((environments, measured), simulated)| {
                let (measured, simulated) = (
                    measured.outcome.published.last()?,
                    simulated.published.last()?,
                );
                let percentage = (measured / simulated - 1.0) * 100.0;
                Some(format!("{percentage:+.0} % with {environments}"))
            });
    let differences: Vec<_> = differences.collect();
    format!(
        "The time of the last environment differs from that of the simulation by {}. The simulation starts all runs at the same \
         instant. On the simulator, they start one after the other and share this machine's cores, so that fewer calls coincide, \
         and less time remains for polls. The following figures are those of the simulation.",
        differences.join(", ")
    )
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
fn simulations(recipe: &Recipe, simulated: &[Simulated]) -> String {
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
            failures(
                variant
                    .outcomes
                    .iter()
                    .map(|(size, outcome)| (*size, outcome))
            )
        )
    });
    let tables: Vec<_> = tables.collect();
    format!(
        "### Simulated\n\nThe simulation uses the same poll schedule, retry policies, and rate limits, with jitter. Quotas that a \
         variant doesn't name are the default ones. The variants:\n\n{}\n\n{}\n\n{}",
        explanations(recipe),
        bottleneck::write(recipe, simulated),
        tables.join("\n\n")
    )
}

/// Explains the names of the variants.
fn explanations(recipe: &Recipe) -> String {
    let retriers = &recipe.steps[recipe.poll].retriers;
    let now = Retrier::find(retriers, "Throttled")
        .map_or_else(|| "as the definition says".to_owned(), in_words);
    format!(
        "- *Before*, a state retried a throttled call 5 times, and the waits doubled without a limit.\n\
         - *Now*, it retries the call {now}.\n\
         - *Higher throughput* is a setting of Parameter Store, which AWS charges for.\n\
         - *Assumed limits × 10* shows how much depends on limits that AWS doesn't document.\n\
         - *New account* has {NEW_ACCOUNT_CONCURRENCY} concurrent functions."
    )
}

fn in_words(retrier: &Retrier) -> String {
    format!(
        "up to {} times, at most {} seconds apart",
        retrier.max_attempts, retrier.max_delay_seconds
    )
}

/// Returns a paragraph about the failed runs, or nothing.
fn failures<'a>(outcomes: impl IntoIterator<Item = (u32, &'a Outcome)>) -> String {
    let failed: Vec<_> = outcomes
        .into_iter()
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
        "\n\nRuns that have to be started again. The event of one that was *not started* is in the stack's queue of failed \
         events:\n\n{}",
        failed.join("\n")
    )
}

/// The columns of [`cells`].
const COLUMNS: &str = "published | failed | median, s | last, s | calls | throttled | retries | transitions | cost | busiest limit";
const ALIGNMENT: &str = "---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---";

/// Returns the cells of an outcome. Calls, retries, transitions, and costs are those of one environment.
fn cells(environments: u32, outcome: &Outcome, account: &Account) -> String {
    let per_environment = |total: u32| f64::from(total) / f64::from(environments);
    let sum = |count: fn(&Counts) -> u32| per_environment(outcome.calls.values().map(count).sum());
    let failed: u32 = outcome.failed.values().sum();
    let published = &outcome.published;
    let time =
        |time: Option<&f64>| time.map_or_else(|| "–".to_owned(), |time| format!("{time:.0}"));
    let (name, seconds) = busiest_limit(outcome, account);
    let cost = cost(outcome, account.has_higher_throughput) / f64::from(environments);
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
        if seconds < 1.0 {
            "–".to_owned()
        } else {
            format!("{name}, {seconds:.0} s")
        },
    ]
    .join(" | ")
}

/// The operation that runs call throughout the creation, which costs no time unless the limit takes longer.
const POLLING: &str = "DescribeReplicationGroups";

/// Returns the limit that takes longest to admit what succeeded, and how many seconds it takes. Those of the creation don't
/// count for polls.
fn busiest_limit(outcome: &Outcome, account: &Account) -> (String, f64) {
    let mut buckets: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (name, counts) in &outcome.calls {
        if let Some((service, operation)) = name.split_once(' ') {
            *buckets.entry((service, bucket_of(operation))).or_default() +=
                counts.calls - counts.throttled;
        }
    }
    let calls = buckets.into_iter().map(|((service, operation), admitted)| {
        let mut seconds = seconds_of(admitted, account.rate(service, operation));
        if operation == POLLING {
            seconds -= CREATION_SECONDS;
        }
        (format!("`{service}:{operation}`"), seconds)
    });
    let others = [
        (
            "state transitions".to_owned(),
            seconds_of(outcome.transitions, TRANSITIONS.rate),
        ),
        (
            "concurrent functions".to_owned(),
            outcome.busy_seconds / f64::from(account.lambda_concurrency),
        ),
    ];
    calls
        .chain(others)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .unwrap_or_default()
}

/// Returns how many seconds a rate takes for a number of calls.
fn seconds_of(calls: u32, rate: Rate) -> f64 {
    (f64::from(calls) - rate.burst).max(0.0) / rate.per_second
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use local::gateway::quota::Counts;

    use super::{Account, Outcome, busiest_limit, cells, failures};

    fn calls() -> BTreeMap<String, Counts> {
        let counts = |calls, throttled| Counts { calls, throttled };
        BTreeMap::from([
            (
                "elasticache DescribeReplicationGroups".to_owned(),
                counts(5_050, 0),
            ),
            ("ssm PutParameter".to_owned(), counts(2_003, 1_000)),
            ("ssm GetParameters".to_owned(), counts(100, 0)),
        ])
    }

    #[test]
    fn busiest_limit_needs_the_most_time_beyond_its_burst() {
        let default = Account::default();
        let few_functions = Account {
            lambda_concurrency: 10,
            ..Account::default()
        };
        let higher = Account {
            has_higher_throughput: true,
            ..Account::default()
        };
        let cases = [
            // 1,003 calls, of which 3 are a burst, at 3 a second.
            (default, "`ssm:PutParameter`", "333"),
            (few_functions, "concurrent functions", "400"),
            // 5,050 calls, of which 50 are a burst, at 10 a second, without the creation's 360 seconds.
            (higher, "`elasticache:DescribeReplicationGroups`", "140"),
        ];
        for (account, name, seconds) in cases {
            let outcome = Outcome {
                calls: calls(),
                busy_seconds: 4_000.0,
                ..Outcome::default()
            };

            let found = busiest_limit(&outcome, &account);

            assert_eq!(
                (found.0.as_str(), format!("{:.0}", found.1)),
                (name, seconds.to_owned())
            );
        }
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
            "2 | 8 | 370 | 370 | 715 | 100.0 | 2.5 | 100 | $0.0027 | `ssm:PutParameter`, 333 s"
        );
        assert!(
            failures([(10, &outcome)]).ends_with("- of 10: 8 × `PublishEndpoint: Throttled`"),
            "{cells}"
        );
        assert!(failures([(10, &Outcome::default())]).is_empty());
    }
}
