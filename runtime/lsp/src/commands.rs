//! `workspace/executeCommand`. Nothing is run here: a pipeline runs in a terminal of the user's.

use std::sync::Arc;

use gen_lsp_types::{
    ApplyWorkspaceEditParams, ApplyWorkspaceEditRequest, ExecuteCommandParams, MessageType,
    ShowMessageNotification, ShowMessageParams, Uri,
};
use llmp_insight::why::Why;
use llmp_planning::Past;
use llmp_store::Store;
use serde_json::{Value, json};

use super::client::Client;
use super::error::{Answer, Refusal};
use super::server::Server;

/// What can be asked for. Clients that do something of it themselves say so in their `initializationOptions`,
/// as `commands`: two handlers of one name are an error to some.
pub(crate) const COMMANDS: [&str; 5] = ["llmp.run", "llmp.why", "llmp.log", "llmp.profile", APPLY];

/// What an old client does with a code action: it lets the server apply the edit.
pub(crate) const APPLY: &str = "llmp.applyEdit";

/// The commands that this client leaves to the server.
pub(crate) fn offered(client: &Client) -> Vec<String> {
    let old = !client.has(super::actions::LITERALS);
    COMMANDS
        .iter()
        .filter(|name| !client.commands.iter().any(|own| own == *name) && (old || **name != APPLY))
        .map(|name| (*name).to_owned())
        .collect()
}

/// `workspace/executeCommand`
pub(crate) fn execute(server: &mut Server, params: ExecuteCommandParams) -> Answer<Option<Value>> {
    let arguments = params.arguments.unwrap_or_default();
    match params.command.as_str() {
        "llmp.why" => why(server, &arguments).map(Some),
        command @ ("llmp.run" | "llmp.log") => terminal(server, command, &arguments).map(Some),
        "llmp.profile" => {
            let names = |value: &Value| value.as_str().map(str::to_owned);
            let lists = arguments
                .iter()
                .flat_map(|one| one.as_array().map_or(std::slice::from_ref(one), Vec::as_slice));
            let names: Option<Vec<String>> = lists.map(names).collect();
            let names = names.ok_or_else(|| Refusal::params("profiles are given by their names"))?;
            server.set_profiles(names);
            Ok(None)
        }
        APPLY => apply(server, arguments),
        command => Err(Refusal::params(format!("there is no command `{command}`"))),
    }
}

/// Lets the client apply an edit of a code action.
fn apply(server: &mut Server, arguments: Vec<Value>) -> Answer<Option<Value>> {
    let edit = arguments.into_iter().next().unwrap_or(Value::Null);
    let edit = serde_json::from_value(edit).map_err(|error| Refusal::params(error.to_string()))?;
    let params = ApplyWorkspaceEditParams { edit, ..ApplyWorkspaceEditParams::default() };
    server.request::<ApplyWorkspaceEditRequest>(params, |_, _| {});
    Ok(None)
}

/// The document and the stage that a code lens gives; without a stage, all of the pipeline is meant.
fn target(arguments: &[Value]) -> Answer<(Uri, Option<&str>)> {
    let uri = arguments.first().and_then(Value::as_str).and_then(|uri| Uri::parse(uri).ok());
    let uri = uri.ok_or_else(|| Refusal::params("the first argument is the URI of a pipeline"))?;
    Ok((uri, arguments.get(1).and_then(Value::as_str)))
}

/// Says why a stage is cached, runs or cannot run.
fn why(server: &mut Server, arguments: &[Value]) -> Answer<Value> {
    let (uri, stage) = target(arguments)?;
    let stage = stage.ok_or_else(|| Refusal::params("the second argument is the name of a stage"))?;
    let snapshot = server.snapshot(&uri)?;
    let plan = snapshot.plans.of(&snapshot.analysis);
    let plan =
        plan.ok_or_else(|| Refusal::cannot("the pipeline is not planned yet; save it, and ask again"))?;
    let row = plan.row(stage).ok_or_else(|| Refusal::cannot(format!("there is no stage `{stage}`")))?;
    let main = uri.to_file_path().map_err(|()| Refusal::cannot("save the pipeline first"))?;
    let past = Store::look(&plan.store).and_then(|store| Past::open(Arc::new(store), &main));
    let past = past.map_err(|error| Refusal::cannot(error.to_string()))?;
    let text = Why::new(&plan.analysis.compilation, &main, &past, &plan.rows, row.id).text();
    show(server, &text);
    Ok(json!(text))
}

/// What is to be typed into a terminal.
fn terminal(server: &Server, command: &str, arguments: &[Value]) -> Answer<Value> {
    let (uri, stage) = target(arguments)?;
    let path = uri.to_file_path().map_err(|()| Refusal::cannot("save the pipeline first"))?;
    let verb = command.strip_prefix("llmp.").unwrap_or(command);
    let mut line = vec!["llmp".to_owned(), verb.to_owned()];
    for profile in &server.settings.profiles {
        line.extend(["--profile".to_owned(), profile.clone()]);
    }
    match (verb, stage) {
        ("run", Some(stage)) => line.extend(["--to".to_owned(), stage.to_owned()]),
        (_, stage) => line.extend(stage.map(str::to_owned)),
    }
    line.push(path.to_string_lossy().into_owned());
    show(server, &format!("in a terminal: {}", line.join(" ")));
    Ok(json!({"command": line}))
}

fn show(server: &Server, message: &str) {
    let message = message.trim_end().to_owned();
    server.notify::<ShowMessageNotification>(ShowMessageParams { kind: MessageType::Info, message });
}

impl Server {
    fn set_profiles(&mut self, names: Vec<String>) {
        if self.settings.profiles != names {
            self.settings.profiles = names;
            self.touched_all();
        }
    }
}
