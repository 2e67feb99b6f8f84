//! The first bottleneck: which limit it is, what removed it, what remains, and how the figures grow.

use super::account::RESOURCES;
use super::recipe::{PUBLISH, Recipe};
use super::simulation::Outcome;
use super::{Account, SIMULATED, Simulated, Variant, cost::cost};
use crate::report::table;
use crate::retry::Retrier;
use crate::statistics::grouped;

/// The call that is the first bottleneck.
const CALL: (&str, &str) = ("ssm", "PutParameter");
/// The numbers of environments between which the growth is shown.
const GROWTH: [u32; 2] = [100, 2_000];
/// The largest number of environments.
const LARGEST: u32 = SIMULATED[SIMULATED.len() - 1];

/// Returns the text with the figures before and after.
pub fn write(recipe: &Recipe, simulated: &[Simulated]) -> String {
    let heading: Vec<_> = ["environments"]
        .into_iter()
        .chain(simulated.iter().map(|variant| variant.name))
        .collect();
    let rows: Vec<Vec<String>> = SIMULATED
        .into_iter()
        .enumerate()
        .map(|(index, environments)| {
            let outcomes = simulated
                .iter()
                .filter_map(|variant| variant.outcomes.get(index));
            let cells = outcomes.map(|(_, outcome)| published(environments, outcome));
            [grouped(&environments.to_string())]
                .into_iter()
                .chain(cells)
                .collect()
        })
        .collect();
    let of = |name| simulated.iter().find(|variant| variant.name == name);
    let before = of(Variant::BEFORE).and_then(first_failures);
    let growth = of(Variant::NOW).and_then(growth);
    let paragraphs = [
        before.unwrap_or_default() + &cause(recipe),
        removal(recipe),
        growth.unwrap_or_default(),
        format!(
            "How many environments are published without another run, and after how many seconds the last of them:\n\n{}",
            table(&heading, &rows)
        ),
    ];
    format!("#### First bottleneck\n\n{}", paragraphs.join("\n\n"))
}

/// Names the limit.
fn cause(recipe: &Recipe) -> String {
    let (service, operation) = CALL;
    let calls = recipe.calls(service, operation);
    let rate = Account::default().rate(service, operation).per_second;
    format!(
        "The limit is that of `{operation}`: {calls} calls for each environment, at {rate:.0} a second. The parameters of {} \
         environments take {:.0} seconds, and those of {} take {:.1} hours.",
        grouped(&GROWTH[0].to_string()),
        seconds(recipe, &Account::default(), GROWTH[0]),
        grouped(&LARGEST.to_string()),
        seconds(recipe, &Account::default(), LARGEST) / 3_600.0,
    )
}

/// Returns how long the parameters of environments take at least, in seconds.
fn seconds(recipe: &Recipe, account: &Account, environments: u32) -> f64 {
    let (service, operation) = CALL;
    let calls = f64::from(environments * recipe.calls(service, operation));
    calls / account.rate(service, operation).per_second
}

/// Tells what removed the bottleneck, and what remains.
fn removal(recipe: &Recipe) -> String {
    let throttled = |retriers: &[Retrier]| {
        Retrier::find(retriers, "Throttled").map_or(0.0, Retrier::mean_seconds)
    };
    let publish = recipe.steps.iter().find(|step| step.name == PUBLISH);
    let now = publish.map_or(&[][..], |step| &step.retriers[..]);
    let before: Vec<_> = now.iter().map(super::with_five_retries).collect();
    let higher = Account {
        has_higher_throughput: true,
        ..Account::default()
    };
    let resources = RESOURCES
        .iter()
        .map(super::account::ResourceQuota::environments);
    format!(
        "A state gave up after {:.0} seconds of retries on average. Now it retries for {:.0} minutes on average, with random waits \
         that spread the runs. More runs than fit into this time fail with `Throttled`, and continue when they are started \
         again. What else was considered: Parameter Store has no call that writes several parameters, and the four parameters are \
         the contract with the backends. Its higher throughput, which AWS charges for, takes {:.1} hours for {}; `envcache doctor` \
         shows whether it is enabled. Then, polls are the bottleneck, whose limit is assumed. More than {} environments also need \
         larger quotas for nodes and subnet groups, which `envcache doctor` compares with what exists.",
        throttled(&before),
        throttled(now) / 60.0,
        seconds(recipe, &higher, LARGEST) / 3_600.0,
        grouped(&LARGEST.to_string()),
        grouped(&resources.min().unwrap_or_default().to_string()),
    )
}

/// Shows how the figures grow.
fn growth(variant: &Simulated) -> Option<String> {
    let [few, many] = GROWTH.map(|size| {
        let (_, outcome) = variant.outcomes.iter().find(|(known, _)| *known == size)?;
        Some((f64::from(size), outcome))
    });
    let ((few, smaller), (many, larger)) = (few?, many?);
    let last = |outcome: &Outcome| Some(grouped(&format!("{:.0}", outcome.published.last()?)));
    let per_environment = |value: &dyn Fn(&Outcome) -> f64, digits: usize| {
        format!(
            "from {:.digits$} to {:.digits$}",
            value(smaller) / few,
            value(larger) / many
        )
    };
    Some(format!(
        "With {} times as many environments, {} instead of {}, the time to the last one grows from {} to {} seconds, and \
         for each environment, the calls {}, the retries {}, the transitions {}, and the cost {} cents.",
        many / few,
        grouped(&GROWTH[1].to_string()),
        GROWTH[0],
        last(smaller)?,
        last(larger)?,
        per_environment(&|outcome| f64::from(outcome.all_calls()), 0),
        per_environment(&|outcome| f64::from(outcome.retries), 0),
        per_environment(&|outcome| f64::from(outcome.transitions), 0),
        per_environment(&|outcome| cost(outcome, false) * 100.0, 2),
    ))
}

/// Describes the smallest number of environments of which some fail; none if none fail.
fn first_failures(variant: &Simulated) -> Option<String> {
    let (environments, outcome) = variant
        .outcomes
        .iter()
        .find(|(_, outcome)| !outcome.failed.is_empty())?;
    let all: u32 = outcome.failed.values().sum();
    let (cause, count) = outcome.failed.iter().max_by_key(|(_, count)| **count)?;
    Some(format!(
        "Before, {all} of {environments} environments failed, {count} of them with `{cause}`. "
    ))
}

/// Returns the number of published environments with the time of the last one.
fn published(environments: u32, outcome: &Outcome) -> String {
    let count = outcome.published.len();
    let is_all = usize::try_from(environments) == Ok(count);
    let count = if is_all {
        "all".to_owned()
    } else {
        grouped(&count.to_string())
    };
    match outcome.published.last() {
        Some(last) => format!("{count}, {last:.0} s"),
        None => count,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Account, Outcome, Simulated, first_failures, growth, published};

    #[test]
    fn first_bottleneck_has_the_most_frequent_failure() {
        let outcome = Outcome {
            published: vec![362.0; 30],
            failed: BTreeMap::from([
                ("CheckReplicationGroup: Throttled".to_owned(), 3),
                ("PublishEndpoint: Throttled".to_owned(), 67),
            ]),
            ..Outcome::default()
        };
        let before = Simulated {
            name: "before",
            account: Account::default(),
            outcomes: vec![(1, Outcome::default()), (100, outcome)],
        };

        let text = first_failures(&before).expect("failures");

        assert!(
            text.contains(
                "70 of 100 environments failed, 67 of them with `PublishEndpoint: Throttled`"
            ),
            "{text}"
        );
    }

    #[test]
    fn published_environments_have_the_time_of_the_last_one() {
        let outcome = Outcome {
            published: vec![362.0, 370.4],
            ..Outcome::default()
        };

        assert_eq!(published(2, &outcome), "all, 370 s");
        assert_eq!(published(3, &outcome), "2, 370 s");
        assert_eq!(published(3, &Outcome::default()), "0");
    }

    #[test]
    fn growth_is_that_of_one_environment() {
        let outcome = |size: u32, last, retries| Outcome {
            published: vec![last],
            retries,
            transitions: size * 80,
            ..Outcome::default()
        };
        let now = Simulated {
            name: "now",
            account: Account::default(),
            outcomes: vec![
                (100, outcome(100, 500.0, 400)),
                (2_000, outcome(2_000, 3_000.0, 20_000)),
            ],
        };

        let text = growth(&now).expect("both sizes");

        for figures in [
            "With 20 times as many environments, 2,000 instead of 100,",
            "grows from 500 to 3,000 seconds",
            "the retries from 4 to 10, the transitions from 80 to 80, and the cost from 0.20 to 0.20 cents",
        ] {
            assert!(text.contains(figures), "no {figures:?} in {text}");
        }
    }
}
