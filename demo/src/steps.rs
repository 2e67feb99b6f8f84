//! The demo's story, from top to bottom.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use local::{
    Aws, Cloud, Interrupt, Settings, Stack, Workspace, backend, network, reference, valkey,
};

use crate::report::print;

/// Of the sample events.
const ENVIRONMENT: &str = "bandup";

/// Tells it. True where the run succeeded and everything found is as the contract asks.
pub fn run(interrupt: &Interrupt) -> Result<bool> {
    let clock = Clock(Instant::now());
    let workspace = Workspace::find()?;

    clock.say("Starting MiniStack, with IAM enforced, behind a gateway that behaves as AWS does");
    let cloud = Cloud::start(workspace, interrupt.clone(), Settings::default())?;
    let aws = Aws::connect(&cloud)?;
    clock.say(&format!("  {}", cloud.endpoint_url()));

    clock.say("Laying the network that the environment has before its cache");
    let network = network::REFERENCE.create(&aws)?;
    clock.say(&format!(
        "  {} with {}",
        network.vpc,
        network.subnets.join(", ")
    ));

    clock.say("Deploying template.yaml with sam deploy");
    // Where nobody answers at an endpoint, there is nothing to prove.
    let proof = network.verification_parameters();
    let parameters = cloud.authority().map_or(&[][..], |_| &proof);
    let stack = Stack::deploy(&cloud, &aws, parameters)?;
    clock.say(&format!("  {}", stack.provision_state_machine_arn));

    clock.say("The environment is created: events/environment-created.json on the bus");
    put(&cloud, &aws, &stack, "environment-created")?;
    clock.say("envcache watch bandup (waits are a tenth of what they are on AWS)");
    if !envcache(&cloud, &["watch", ENVIRONMENT])? {
        return Ok(false);
    }

    clock.say("What was made, beside what was asked for");
    let rows = reference::rows(&aws, &network)?;
    let as_asked = print(&rows);

    clock.say("What the backend reads");
    let parameters = aws.parameters("/bandup/cache")?;
    for (name, value) in &parameters {
        println!("  {name:<32} {value}");
    }
    let url = parameters
        .get("/bandup/cache/url")
        .context("no url was published")?;
    match cloud.authority() {
        Some(authority) => {
            clock.say("The backend connects over TLS, and does PING, SET and GET");
            backend::use_cache(url, authority)?;
            println!("  {url} answers as a cache does");
        }
        None => println!(
            "  Nobody answers there: install Valkey with {}",
            valkey::INSTALL
        ),
    }

    clock.say(
        "The same event again would find everything: envcache plan events/environment-created.json",
    );
    let event = cloud.workspace().file("events/environment-created.json");
    if !envcache(&cloud, &["plan", &event.to_string_lossy()])? {
        return Ok(false);
    }

    clock.say("The environment is no more: envcache down bandup");
    if !envcache(&cloud, &["down", ENVIRONMENT, "--yes"])? {
        return Ok(false);
    }
    let left = reference::left(&aws)?;
    if left.is_empty() {
        println!("  Nothing is left of it but its network");
    } else {
        println!("  Left: {}", left.join(", "));
    }
    clock.say("Done");
    Ok(as_asked && left.is_empty())
}

/// Puts a sample event on the bus.
fn put(cloud: &Cloud, aws: &Aws, stack: &Stack, sample: &str) -> Result<()> {
    let file = format!("events/{sample}.json");
    let event = std::fs::read_to_string(cloud.workspace().file(&file))?;
    stack.put_event(aws, &serde_json::from_str(&event).context(file)?)
}

/// Says what happens, with the seconds since the beginning.
struct Clock(Instant);

impl Clock {
    fn say(&self, what: &str) {
        println!("[{:>5.1} s] {what}", self.0.elapsed().as_secs_f64());
    }
}

/// Runs the command line that users have. True where it says that all is well.
fn envcache(cloud: &Cloud, arguments: &[&str]) -> Result<bool> {
    // It stands beside this program.
    let path = std::env::current_exe()?.with_file_name("envcache");
    if !path.exists() {
        bail!("{} is not built: `make demo` builds it", path.display());
    }
    let mut command = Command::new(path);
    cloud.direct(&mut command).args(arguments);
    Ok(cloud.interrupt().run(&mut command)?.success())
}
