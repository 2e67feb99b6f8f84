//! The steps of the demo.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use local::{
    Aws, Cloud, Interrupt, Settings, Stack, Workspace, backend, network, reference, valkey,
};

use crate::report::print;

/// The environment of the sample events.
const ENVIRONMENT: &str = "bandup";

/// Runs the demo. Returns whether the runs succeeded, the resources match the contract, and the removal left none of
/// them.
pub fn run(interrupt: &Interrupt) -> Result<bool> {
    let clock = Clock(Instant::now());
    let workspace = Workspace::find()?;

    clock.print(
        "Starting MiniStack, with IAM enforced, behind a gateway that simulates AWS behavior",
    );
    let cloud = Cloud::start(workspace, interrupt.clone(), Settings::default())?;
    let aws = Aws::connect(&cloud)?;
    clock.print(&format!("  {}", cloud.endpoint_url()));

    clock.print("Creating the environment's network");
    let network = network::REFERENCE.create(&aws)?;
    clock.print(&format!(
        "  {} with {}",
        network.vpc,
        network.subnets.join(", ")
    ));

    clock.print("Deploying template.yaml with sam deploy");
    // Without Valkey, no server listens at the endpoint, so it can't be verified.
    let verification = network.verification_parameters();
    let parameters = cloud.authority().map_or(&[][..], |_| &verification);
    let stack = Stack::deploy(&cloud, &aws, parameters)?;
    clock.print(&format!("  {}", stack.provision_state_machine_arn));

    clock.print("Putting events/environment-created.json on the event bus");
    put(&cloud, &aws, &stack, "environment-created")?;
    clock.print("Running envcache watch bandup (a wait takes a tenth of its time on AWS)");
    if !envcache(&cloud, &["watch", ENVIRONMENT])? {
        return Ok(false);
    }

    clock.print("Comparing the created resources with the request");
    let rows = reference::rows(&aws, &network)?;
    let all_match = print(&rows);

    clock.print("Reading the published parameters as the backend does");
    let parameters = aws.parameters("/bandup/cache")?;
    for (name, value) in &parameters {
        println!("  {name:<32} {value}");
    }
    let url = parameters
        .get("/bandup/cache/url")
        .context("no url was published")?;
    match cloud.authority() {
        Some(authority) => {
            clock.print("Connecting over TLS as the backend does, with PING, SET, and GET");
            backend::use_cache(url, authority)?;
            println!("  {url}: PING, SET, and GET succeeded");
        }
        None => println!(
            "  No server listens at the endpoint. Install Valkey with {}",
            valkey::INSTALL
        ),
    }

    clock.print(
        "Previewing a run with the same event: envcache plan events/environment-created.json",
    );
    let event = cloud.workspace().file("events/environment-created.json");
    if !envcache(&cloud, &["plan", &event.to_string_lossy()])? {
        return Ok(false);
    }

    clock.print("Removing the cache: envcache down bandup --yes");
    if !envcache(&cloud, &["down", ENVIRONMENT, "--yes"])? {
        return Ok(false);
    }
    let left = reference::left(&aws)?;
    if left.is_empty() {
        println!("  Only the environment's network remains");
    } else {
        println!("  Remaining resources: {}", left.join(", "));
    }
    clock.print("Done");
    Ok(all_match && left.is_empty())
}

/// Puts a sample event on the bus.
fn put(cloud: &Cloud, aws: &Aws, stack: &Stack, sample: &str) -> Result<()> {
    let file = format!("events/{sample}.json");
    let event = std::fs::read_to_string(cloud.workspace().file(&file))?;
    stack.put_event(aws, &serde_json::from_str(&event).context(file)?)
}

/// Prints each step with the seconds since the start.
struct Clock(Instant);

impl Clock {
    fn print(&self, step: &str) {
        println!("[{:>5.1} s] {step}", self.0.elapsed().as_secs_f64());
    }
}

/// Runs the `envcache` command. Returns whether it exits with 0.
fn envcache(cloud: &Cloud, arguments: &[&str]) -> Result<bool> {
    let mut command = Command::new(Workspace::program("envcache")?);
    cloud.direct(&mut command).args(arguments);
    Ok(cloud.interrupt().run(&mut command)?.success())
}
