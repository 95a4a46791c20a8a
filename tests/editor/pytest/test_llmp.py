"""`llmp lsp` over stdio, driven by a client that knows nothing of it (pytest-lsp on pygls)."""

import asyncio
import os
import pathlib
import sys

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

SERVER = ClientServerConfig(server_command=[os.environ["LLMP"], "lsp"])

# What the server may ask of these clients.
ASKED = [
    types.CLIENT_REGISTER_CAPABILITY,
    types.WORKSPACE_CODE_LENS_REFRESH,
    types.WORKSPACE_INLAY_HINT_REFRESH,
]

TEXT = """\
//! 从网页到助手 😀
param floor: Int = 50
docs = crawl.docs("data/*.jsonl") |> filter.quality { min_words = floor }
vocab = tokenize.train(docs) { size = 4_096 }
"""


@pytest_lsp.fixture(config=SERVER, params=["visual_studio_code", "neovim"])
async def client(request, lsp_client: LanguageClient):
    for method in ASKED:
        lsp_client.feature(method)(lambda *_: None)
    greeting = await lsp_client.initialize_session(
        types.InitializeParams(capabilities=client_capabilities(request.param.replace("_", "-")), process_id=os.getpid())
    )
    lsp_client.encoding = greeting.capabilities.position_encoding
    yield
    await lsp_client.shutdown_session()


@pytest.fixture
def document(client, tmp_path: pathlib.Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "a"}\n')
    return open_document(client, tmp_path / "main.llmp", TEXT)


def open_document(client, path: pathlib.Path, text: str) -> types.TextDocumentIdentifier:
    path.write_text(text)
    item = types.TextDocumentItem(uri=path.as_uri(), language_id="llmp", version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
    return types.TextDocumentIdentifier(uri=item.uri)


def change(client, document, version: int, start, end, text: str):
    place = types.Range(start=types.Position(*start), end=types.Position(*end))
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=document.uri, version=version),
            content_changes=[types.TextDocumentContentChangePartial(range=place, text=text)],
        )
    )


async def pulled(client, document):
    report = await client.text_document_diagnostic_async(types.DocumentDiagnosticParams(text_document=document))
    return [one for one in report.items if one.source == "llmp"]


@pytest.mark.asyncio
async def test_diagnostics_follow_the_text(client, document):
    assert await pulled(client, document) == []
    change(client, document, 2, (2, 54), (2, 63), "min_word")
    (mistake,) = await pulled(client, document)
    assert mistake.code == "E0208"
    assert mistake.range.start == types.Position(2, 54)
    change(client, document, 3, (2, 62), (2, 62), "s")
    assert await pulled(client, document) == []


@pytest.mark.asyncio
async def test_columns_count_what_was_agreed_on(client, document):
    units = {"utf-8": lambda text: len(text.encode()), "utf-16": lambda text: len(text.encode("utf-16-le")) // 2}
    column = units[client.encoding]
    line = TEXT.splitlines()[0]
    change(client, document, 2, (0, column(line[:-1])), (0, column(line)), "é😀")
    change(client, document, 3, (0, column(line[:-1] + "é😀")), (0, column(line[:-1] + "é😀")), "中")
    text = await client.protocol.send_request_async("llmp/text", {"textDocument": {"uri": document.uri}})
    assert text == TEXT.replace("😀", "é😀中")


@pytest.mark.asyncio
async def test_definition_folding_and_formatting(client, document):
    place = types.Position(3, 23)
    found = await client.text_document_definition_async(
        types.DefinitionParams(text_document=document, position=place)
    )
    found = found[0] if isinstance(found, list) else found
    found = getattr(found, "target_selection_range", None) or found.range
    assert found.start == types.Position(2, 0)
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = await client.text_document_formatting_async(
        types.DocumentFormattingParams(text_document=document, options=options)
    )
    assert [edit.range.start.line for edit in edits] == [2], "`docs` is put in line with `vocab`"


@pytest.mark.asyncio
async def test_the_dry_run(client, document, tmp_path):
    whole = types.Range(start=types.Position(0, 0), end=types.Position(9, 0))
    for _ in range(600):
        hints = await client.text_document_inlay_hint_async(
            types.InlayHintParams(text_document=document, range=whole)
        )
        if hints:
            break
        await asyncio.sleep(0.05)
    assert [hint.position.line for hint in hints] == [2, 3]
    assert hints[1].label.startswith("new")
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(text_document=document))
    each = ["llmp.run", "llmp.why", "llmp.log"]
    assert [lens.command.command for lens in lenses] == ["llmp.run", *each, *each]
    why = await client.workspace_execute_command_async(
        types.ExecuteCommandParams(command="llmp.why", arguments=lenses[5].command.arguments)
    )
    assert why.startswith("vocab has not run yet")
    assert not (tmp_path / ".llmp").exists()


@pytest.mark.asyncio
async def test_an_import_comes_and_goes(client, document, tmp_path):
    change(client, document, 2, (1, 0), (1, 21), 'import "common.llmp"')
    assert {one.code for one in await pulled(client, document)} == {"E0103", "E0101"}
    common = open_document(client, tmp_path / "common.llmp", "param floor: Int = 50\n")
    assert await pulled(client, document) == []
    client.text_document_did_close(types.DidCloseTextDocumentParams(text_document=common))
    (tmp_path / "common.llmp").unlink()
    event = types.FileEvent(uri=common.uri, type=types.FileChangeType.Deleted)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes=[event]))
    assert {one.code for one in await pulled(client, document)} == {"E0103", "E0101"}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q"]))
