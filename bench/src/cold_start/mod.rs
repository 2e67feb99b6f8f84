//! Measures cold starts and packages: each function next to an empty handler, and next to the same step in Python.
//!
//! A candidate gets the environment that Lambda gives to it, one event from a runtime API on loopback, and AWS's answers
//! from there too. `options` compares build options.

mod call;
mod candidate;
pub mod options;
mod package;
mod run;
mod server;
mod step;
mod summary;
mod table;
mod tls;
mod valkey;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use fastrand::Rng;

use crate::plot::{Bar, bars};
use crate::report::{Section, plot_file};
use crate::versions::{self, Program};
use call::Call;
use candidate::{Candidate, Kind, bootstrap};
use package::{Package, in_mebibytes};
use run::{Runner, Sample};
use server::Transport;
use step::Step;
use summary::Summary;

/// How often each candidate runs over each transport. The first run, which isn't counted, fills the system's caches.
const ROUNDS: usize = 41;
/// The seed of the order of the runs.
const SEED: u64 = 1;
const TRANSPORTS: [Transport; 2] = [Transport::Plain, Transport::Tls];

/// The measurements of one candidate.
pub struct Measured {
    kind: Kind,
    name: String,
    /// The number of AWS calls.
    calls: usize,
    plain: Summary,
    tls: Summary,
    /// The instructions over HTTP and over HTTPS, if valgrind is installed.
    instructions: Option<[u64; 2]>,
}

/// Measures all functions, and returns the section of the results page.
///
/// # Errors
/// Returns an error if a program isn't built, a candidate fails, or a peer makes other calls than its function.
pub fn run() -> Result<Section> {
    let steps = Step::read_all()?;
    let candidates = candidate::all(&steps)?;
    let runner = Runner::create()?;
    compare_calls(&runner, &candidates)?;
    let measured = measure(&runner, &candidates)?;
    let packages = steps
        .iter()
        .map(|step| Ok((step.name.clone(), Package::of(&bootstrap(&step.name))?)))
        .collect::<Result<Vec<_>>>()?;
    plot_packages(&packages)?;
    let text = format!(
        "The time from the start of a process to its first answer, as median and quartiles of {ROUNDS} runs. In each of \
         them, all candidates run in a new random order, so that their ratios hold on a machine with other work. They get \
         their event from a runtime API on loopback, and AWS's answers from there as well, over HTTP and over HTTPS (TLS \
         1.3, a P-256 certificate, and {} trusted authorities). The empty handler is a function on `lambda_runtime` that does nothing. Python is the \
         same step with boto3 on awslambdaric. The benchmark fails if it doesn't make the same AWS calls with the same \
         parameters as the function. Nothing here includes Lambda's own work, such as the start of a microVM.\n\n\
         {}\n\n{}\n\n{}\n\n{}",
        runner.tls().authorities,
        table::targets(&measured, &packages),
        table::times(&measured),
        table::instructions(&measured),
        table::packages(&packages),
    );
    Ok(Section {
        marker: "cold-start",
        programs: &[
            Program::Rustc,
            Program::Python,
            Program::Awslambdaric,
            Program::Boto3,
            Program::Valgrind,
        ],
        text,
    })
}

/// Draws the sizes of the packages.
fn plot_packages(packages: &[(String, Package)]) -> Result<()> {
    let shown: Vec<_> = packages
        .iter()
        .map(|(name, package)| {
            let size = in_mebibytes(package.zipped);
            Bar {
                text: format!("{name}: {size:.2} MiB"),
                value: size,
            }
        })
        .collect();
    bars(
        &plot_file("package-sizes")?,
        "Sizes of the packages",
        "MiB, zipped",
        &shown,
        Some((table::MOST_PACKAGE, "target")),
    )
}

/// Checks that each peer makes the calls of its function.
fn compare_calls(runner: &Runner, candidates: &[Candidate]) -> Result<()> {
    let mut expected: BTreeMap<&str, Vec<Call>> = BTreeMap::new();
    for candidate in candidates {
        let name = candidate.step.name.as_str();
        let (_, calls) = runner.run(candidate, Transport::Plain)?;
        match candidate.kind {
            Kind::Empty => {}
            Kind::Function => {
                let answers = candidate.step.answers.len();
                ensure!(
                    calls.len() == answers,
                    "{name} made {} calls instead of {answers}: {calls:#?}",
                    calls.len()
                );
                expected.insert(name, calls);
            }
            Kind::Peer => {
                let function = expected.remove(name).unwrap_or_default();
                ensure!(
                    calls == function,
                    "the peer of {name} made {calls:#?}\ninstead of {function:#?}"
                );
            }
        }
    }
    Ok(())
}

/// Runs all candidates several times, in a new random order each time: a program that has just run starts faster.
fn measure(runner: &Runner, candidates: &[Candidate]) -> Result<Vec<Measured>> {
    let mut samples: Vec<[Vec<Sample>; 2]> = vec![Default::default(); candidates.len()];
    let mut turns: Vec<_> = (0..candidates.len())
        .flat_map(|candidate| (0..TRANSPORTS.len()).map(move |transport| (candidate, transport)))
        .collect();
    let mut rng = Rng::with_seed(SEED);
    for round in 0..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        rng.shuffle(&mut turns);
        for &(candidate, transport) in &turns {
            let (sample, _) = runner.run(&candidates[candidate], TRANSPORTS[transport])?;
            // The first round reads the programs from the disk.
            if round > 0 {
                samples[candidate][transport].push(sample);
            }
        }
    }
    candidates
        .iter()
        .zip(samples)
        .map(|(candidate, [plain, tls])| {
            Ok(Measured {
                kind: candidate.kind,
                name: candidate.step.name.clone(),
                calls: candidate.step.answers.len(),
                plain: Summary::of(&plain),
                tls: Summary::of(&tls),
                instructions: instructions(runner, candidate)?,
            })
        })
        .collect()
}

/// Counts the instructions of a candidate over HTTP and HTTPS, if valgrind is installed.
fn instructions(runner: &Runner, candidate: &Candidate) -> Result<Option<[u64; 2]>> {
    if versions::valgrind().is_none() {
        return Ok(None);
    }
    eprintln!("instructions: {:?} {}", candidate.kind, candidate.step.name);
    let plain = runner.instructions(candidate, Transport::Plain)?;
    let tls = runner.instructions(candidate, Transport::Tls)?;
    Ok(Some([plain, tls]))
}
