//! Requests of our own: `llmp/graph` draws the pipeline, `llmp/profiles` lists its profiles, `llmp/text`
//! gives a text back.

use gen_lsp_types::{LspRequestMethod, MessageDirection, Range, Request, TextDocumentIdentifier, Uri};
use llmp_insight::drawing::{self, State};
use serde::{Deserialize, Serialize};

use super::error::Answer;
use super::snapshot::Snapshot;

/// The params of all of them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DocumentParams {
    text_document: TextDocumentIdentifier,
}

/// Declares a request about one document.
macro_rules! request {
    ($(#[$docs:meta])* $name:ident, $method:literal, $result:ty) => {
        $(#[$docs])*
        pub(crate) enum $name {}

        impl Request for $name {
            type Params = DocumentParams;
            type Result = $result;
            const METHOD: LspRequestMethod<'static> = LspRequestMethod::Custom($method);
            const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ClientToServer;
        }
    };
}

request!(
    /// The text of a document as the server has it, to find out whether both sides agree.
    TextRequest,
    "llmp/text",
    String
);
request!(
    /// The pipeline as a drawing, coloured by what a run would do.
    GraphRequest,
    "llmp/graph",
    Drawing
);
request!(
    /// The pipeline's profiles.
    ProfilesRequest,
    "llmp/profiles",
    Profiles
);

/// A drawing and where its stages are written.
#[derive(Serialize, Deserialize)]
pub(crate) struct Drawing {
    svg: String,
    nodes: Vec<Node>,
}

/// A stage in a drawing.
#[derive(Serialize, Deserialize)]
struct Node {
    /// The id of its element.
    id: String,
    name: String,
    uri: Uri,
    range: Range,
    /// `cached`, `re-run`, `new`, `blocked`, `running`; nothing where it is not known yet.
    state: Option<String>,
    /// What stands in its hint.
    hint: Option<String>,
}

/// Profiles, and which of them are chosen.
#[derive(Serialize, Deserialize)]
pub(crate) struct Profiles {
    profiles: Vec<Profile>,
    chosen: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Profile {
    name: String,
    docs: String,
}

/// `llmp/text`
pub(crate) fn text(snapshot: &Snapshot, _: DocumentParams) -> Answer<String> {
    Ok(snapshot.text().to_owned())
}

/// `llmp/graph`
pub(crate) fn graph(snapshot: &Snapshot, _: DocumentParams) -> Answer<Drawing> {
    let analysis = &snapshot.analysis;
    let graph = &analysis.compilation.graph;
    let state = |id| -> State { snapshot.plans.state(analysis, &graph.stage(id).name) };
    let nodes = graph.ids().filter_map(|id| {
        let stage = graph.stage(id);
        let place = snapshot.location(stage.span)?;
        Some(Node {
            id: drawing::node_id(id),
            name: stage.name.clone(),
            uri: place.uri,
            range: place.range,
            state: state(id).word().map(str::to_owned),
            hint: snapshot.plans.hint(analysis, &stage.name),
        })
    });
    Ok(Drawing { nodes: nodes.collect(), svg: drawing::svg(graph, &state) })
}

/// `llmp/profiles`
pub(crate) fn profiles(snapshot: &Snapshot, _: DocumentParams) -> Answer<Profiles> {
    let profiles = snapshot.analysis.compilation.profiles.iter();
    let profiles = profiles.map(|(name, docs)| Profile { name: name.clone(), docs: docs.clone() });
    Ok(Profiles { profiles: profiles.collect(), chosen: snapshot.profiles.clone() })
}
