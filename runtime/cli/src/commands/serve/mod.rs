//! `llmp serve`: models behind OpenAI's API, and a page to talk to them.

mod served;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use llmp_compiler::key::Digest;
use llmp_serve::{Api, Engine, Gate, Limits, Listener, Model, Page};

use super::model::all;
use super::results::OfRun;
use super::{Failure, Outcome, PipelineArguments, at_least_one};
use served::Served;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    of: OfRun,
    /// Serve the model of this stage; may be given several times [default: all of the pipeline]
    #[arg(short, long, value_name = "STAGE")]
    model: Vec<String>,
    /// The port; 0 takes any that is free
    #[arg(short, long, default_value_t = 8080)]
    port: u16,
    /// The address to listen at; other machines reach others than loopback, so these need a key
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The key that requests have to carry, `Authorization: Bearer KEY`
    #[arg(long, value_name = "KEY", env = "LLMP_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// A file with the key, so that it stands in no list of processes
    #[arg(long, value_name = "FILE", conflicts_with = "api_key")]
    api_key_file: Option<PathBuf>,
    /// Let pages of this origin ask, e.g. https://example.org; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// Look for newer models, and serve these from then on
    #[arg(long)]
    follow: bool,
    /// Texts that may wait for their turn; more are told to come again
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = at_least_one)]
    queue: usize,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = at_least_one)]
    connections: usize,
    /// The largest body of a request, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 8, value_parser = at_least_one)]
    body: usize,
    /// Where the models run
    #[arg(long, default_value = "auto")]
    device: String,
}

/// Shortest key that other machines may try.
const SHORTEST_KEY: usize = 16;
/// How often newer models are looked for.
const LOOK: Duration = Duration::from_secs(2);

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let key = key(arguments)?;
    let device = llmp_model::device::Device::open(&arguments.device)?.to_string();
    let mut models = Models { arguments, device, served: Vec::new() };
    match models.look() {
        Ok(_) => {}
        // What follows may begin before there is anything.
        Err(failure) if arguments.follow => {
            let _ = writeln!(crate::output::stderr(), "{}; waiting for it", failure.message);
        }
        Err(failure) => return Err(failure),
    }
    let engine = Engine::start(models.models(), arguments.queue)?;
    let gate = Gate { key, origins: arguments.cors.clone(), loopback: arguments.host.is_loopback() };
    let api = Arc::new(Api::new(engine, gate, Some(Page::of_models())));
    let limits = Limits { body: arguments.body << 20, ..Limits::default() };
    let address = SocketAddr::new(arguments.host, arguments.port);
    let listener = Listener::bind(address, Arc::clone(&api), limits, arguments.connections);
    let listener = listener.map_err(|error| {
        let failure = Failure::new(format!("cannot listen at {address}: {error}"));
        match arguments.port {
            0 => failure,
            _ => failure.help("`--port 0` takes any port that is free"),
        }
    })?;
    writeln!(crate::output::stdout(), "http://{}/", listener.address()?)?;
    crate::output::stdout().flush()?;
    let names: Vec<&str> = models.served.iter().map(|(_, model)| model.about().name.as_str()).collect();
    let names = names.join(", ");
    let _ = writeln!(
        crate::output::stderr(),
        "serving {names}; programs take the address with `v1` behind it; Ctrl-C ends"
    );
    let serving = std::thread::Builder::new().name("listener".to_owned()).spawn(move || listener.serve())?;
    if !arguments.follow {
        let _ = serving.join();
        return Ok(0);
    }
    loop {
        std::thread::sleep(LOOK);
        // A pipeline that cannot be read now may be in the middle of being written.
        if let Ok(true) = models.look() {
            api.engine.replace(models.models());
        }
    }
}

/// The models that are served, with the artifacts that they were loaded from.
struct Models<'a> {
    arguments: &'a Arguments,
    device: String,
    served: Vec<(Digest, Arc<dyn Model>)>,
}

impl Models<'_> {
    fn models(&self) -> Vec<Arc<dyn Model>> {
        self.served.iter().map(|(_, model)| Arc::clone(model)).collect()
    }

    /// Loads what is new; whether anything is. Once loaded a model needs none of its files, so that `llmp gc`
    /// goes on undisturbed.
    fn look(&mut self) -> Result<bool, Failure> {
        let Arguments { pipeline, of, model, .. } = self.arguments;
        let (found, _results) = all(pipeline, of.run.as_deref(), model)?;
        let same = |(had, model): &(Digest, Arc<dyn Model>),
                    (artifact, found): &(Digest, super::model::Found)| {
            had == artifact && model.about().name == found.name
        };
        if self.served.len() == found.len() && self.served.iter().zip(&found).all(|(a, b)| same(a, b)) {
            return Ok(false);
        }
        let mut served = Vec::new();
        for one in &found {
            let known = self.served.iter().find(|had| same(had, one)).map(|(_, model)| Arc::clone(model));
            let (artifact, found) = one;
            let model: Arc<dyn Model> = match known {
                Some(model) => model,
                None => {
                    let _ = writeln!(crate::output::stderr(), "loading {}", found.name);
                    Arc::new(Served::load(&found.name, &found.folder, found.index.as_deref(), &self.device)?)
                }
            };
            served.push((*artifact, model));
        }
        self.served = served;
        Ok(true)
    }
}

/// The key that is asked for; where other machines can reach the server, there has to be one.
fn key(arguments: &Arguments) -> Result<Option<String>, Failure> {
    let key = match &arguments.api_key_file {
        Some(path) => {
            let cannot =
                |error| Failure::new(format!("cannot read the key from `{}`: {error}", path.display()));
            Some(std::fs::read_to_string(path).map_err(cannot)?.trim().to_owned())
        }
        None => arguments.api_key.clone(),
    };
    let public = !arguments.host.is_loopback();
    match &key {
        None if public => Err(Failure::new(format!("at {} other machines reach the models", arguments.host))
            .help("name a key that requests have to carry: `--api-key-file FILE`")),
        Some(key) if key.is_empty() => Err(Failure::new("the key is empty")),
        Some(key) if public && key.len() < SHORTEST_KEY => {
            Err(Failure::new(format!("the key has {} characters, and could be guessed", key.len()))
                .help(format!("take one of {SHORTEST_KEY} or more, e.g. of `openssl rand -hex 16`")))
        }
        _ => Ok(key),
    }
}
