//! Scale: how long it takes to create many environments at once within AWS's quotas, what that costs, and which quota
//! limits it.
//!
//! `measure` runs environments on the simulator; `recipe` reads from such a run what a run does; `simulation` repeats the
//! recipe for more environments, with the retry policies that `retry` reads from the definition, and the limits of
//! `account`. `table` writes the results, and `bottleneck` what follows from them.

mod account;
mod bottleneck;
mod cost;
mod measure;
mod plots;
mod recipe;
mod simulation;
mod table;

use anyhow::{Result, ensure};

use crate::report::Section;
use crate::retry::Retrier;
use crate::versions::Program;
use account::{Account, NEW_ACCOUNT_CONCURRENCY};
use measure::Measured;
use recipe::Recipe;
use simulation::{Outcome, Scenario, simulate};

/// How long ElastiCache takes for each cache, in seconds. All caches take the same time, which is the worst case: their
/// polls and publications coincide.
const CREATION_SECONDS: f64 = 360.0;
/// The numbers of environments that run on the simulator.
const MEASURED: [u32; 4] = [1, 10, 100, 500];
/// The numbers of environments that are simulated.
const SIMULATED: [u32; 6] = [1, 10, 100, 500, 2_000, 10_000];
const SEED: u64 = 20_261_127;

/// An account and retry policies to simulate.
struct Variant {
    name: &'static str,
    account: Account,
    recipe: Recipe,
}

impl Variant {
    const BEFORE: &str = "before";
    const NOW: &str = "now";
}

/// The results of a variant, by the number of environments.
struct Simulated {
    name: &'static str,
    account: Account,
    outcomes: Vec<(u32, Outcome)>,
}

/// Measures and simulates all numbers of environments.
///
/// # Errors
/// Returns an error if a measurement fails, or if an environment was lost, created twice, or published with wrong values.
pub fn run() -> Result<Section> {
    let recipe = measure::recipe()?;
    let mut measured = Vec::new();
    // The largest number first, because it is likeliest to fail.
    for environments in MEASURED.into_iter().rev() {
        eprintln!("scale: {environments} environments on the simulator");
        let found = measure::measure(environments, recipe.timeout_seconds)?;
        eprintln!("scale: {} were published", found.outcome.published.len());
        measured.insert(0, (environments, found));
        check(&measured)?;
    }
    let on_simulator = recipe.with_retriers(Retrier::as_simulated);
    let validation: Vec<_> = MEASURED
        .into_iter()
        .map(|environments| outcome(&on_simulator, &Account::default(), environments))
        .collect();
    let simulated: Vec<_> = variants(&recipe).iter().map(simulate_sizes).collect();
    let images = plots::draw(&measured, &simulated)?;
    let tables = table::write(&recipe, &measured, &validation, &simulated);
    Ok(Section {
        marker: "scale",
        programs: &[Program::MiniStack],
        text: format!("{images}\n\n{tables}"),
    })
}

fn outcome(recipe: &Recipe, account: &Account, environments: u32) -> Outcome {
    simulate(&Scenario {
        recipe,
        account: account.clone(),
        environments,
        creation_seconds: CREATION_SECONDS,
        seed: SEED,
    })
}

fn simulate_sizes(variant: &Variant) -> Simulated {
    let outcomes = SIMULATED.into_iter().map(|environments| {
        let outcome = outcome(&variant.recipe, &variant.account, environments);
        (environments, outcome)
    });
    Simulated {
        name: variant.name,
        account: variant.account.clone(),
        outcomes: outcomes.collect(),
    }
}

/// Returns the variants: first the default account, then those with higher quotas, and last one with a lower quota. The
/// first one has the retries before this benchmark.
fn variants(recipe: &Recipe) -> Vec<Variant> {
    let higher = Account {
        has_higher_throughput: true,
        ..Account::default()
    };
    let before = |name, account| Variant {
        name,
        account,
        recipe: recipe.with_retriers(with_five_retries),
    };
    let variant = |name, account| Variant {
        name,
        account,
        recipe: recipe.clone(),
    };
    vec![
        before(Variant::BEFORE, Account::default()),
        variant(Variant::NOW, Account::default()),
        before("before, higher throughput", higher.clone()),
        variant("now, higher throughput", higher.clone()),
        variant(
            "now, higher throughput, assumed limits × 10",
            Account {
                undocumented_factor: 10.0,
                ..higher
            },
        ),
        variant(
            "now, new account",
            Account {
                lambda_concurrency: NEW_ACCOUNT_CONCURRENCY,
                ..Account::default()
            },
        ),
    ]
}

/// Returns a retrier as it was before this benchmark, if it retries throttled calls.
fn with_five_retries(retrier: &Retrier) -> Retrier {
    if !retrier.matches("Throttled") {
        return retrier.clone();
    }
    Retrier {
        interval_seconds: 2.0,
        backoff_rate: 2.0,
        max_attempts: 5,
        max_delay_seconds: f64::INFINITY,
        has_jitter: true,
        ..retrier.clone()
    }
}

/// Checks that no environment was lost, created twice, or published with wrong values. A run that fails because AWS
/// throttled it isn't lost: it reports the error, and a new run continues.
fn check(measured: &[(u32, Measured)]) -> Result<()> {
    for (environments, measured) in measured {
        ensure!(
            measured.wrong.is_empty(),
            "{environments} environments: {:#?}",
            measured.wrong
        );
    }
    Ok(())
}
