//! Elements by name, and what the HTML standard says of each
//! (<https://html.spec.whatwg.org/multipage/parsing.html>).

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// Starts a line and ends one.
pub(super) const BLOCK: u16 = 1;
/// Has no content.
pub(super) const VOID: u16 = 1 << 1;
/// Its content is no markup.
pub(super) const RAW: u16 = 1 << 2;
/// Never text.
pub(super) const DROP: u16 = 1 << 3;
/// "Special" in the standard: end tags of inline elements do not reach beyond.
pub(super) const SPECIAL: u16 = 1 << 4;
/// End tags of blocks do not reach beyond.
pub(super) const SCOPE: u16 = 1 << 5;
/// Its start ends a paragraph.
pub(super) const ENDS_P: u16 = 1 << 6;
/// Stands in a head.
pub(super) const HEAD: u16 = 1 << 7;
/// Its end tag may be left out.
pub(super) const IMPLIED: u16 = 1 << 8;
/// h1 to h6.
pub(super) const HEADING: u16 = 1 << 9;
/// "Formatting" in the standard.
pub(super) const FORMAT: u16 = 1 << 10;
/// Holds rows or cells, and nothing else.
pub(super) const TABLE: u16 = 1 << 11;
/// Ends an `svg` or `math` that has not been closed.
pub(super) const BREAKS_OUT: u16 = 1 << 12;

const DIV: u16 = BLOCK | SPECIAL | ENDS_P | BREAKS_OUT;
const ITEM: u16 = BLOCK | SPECIAL | IMPLIED | BREAKS_OUT;
const LINE: u16 = FORMAT | BREAKS_OUT;

macro_rules! tags {
    ($($name:ident $text:literal $flags:expr,)*) => {
        /// An element's kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Tag { /// A piece of text, which is no element.
            Text, /// An element that HTML does not know.
            Other, $(#[doc = $text] $name,)* }
        const FLAGS: &[u16] = &[0, 0, $($flags,)*];
        const NAMES: &[(&str, Tag)] = &[$(($text, Tag::$name),)*];
    };
}

#[rustfmt::skip]
tags! {
    A "a" FORMAT, Abbr "abbr" 0, Acronym "acronym" 0, Address "address" DIV, Annotation "annotation" 0,
    AnnotationXml "annotation-xml" 0, Applet "applet" DROP | SPECIAL | SCOPE, Area "area" VOID | DROP | SPECIAL,
    Article "article" DIV, Aside "aside" DIV, Audio "audio" DROP, B "b" LINE, Base "base" VOID | DROP | SPECIAL | HEAD,
    Basefont "basefont" VOID | DROP | SPECIAL | HEAD, Bdi "bdi" 0, Bdo "bdo" 0, Bgsound "bgsound" VOID | DROP | SPECIAL | HEAD,
    Big "big" LINE, Blockquote "blockquote" DIV, Body "body" BLOCK | SPECIAL, Br "br" VOID | SPECIAL | BREAKS_OUT,
    Button "button" SPECIAL, Canvas "canvas" DROP, Caption "caption" BLOCK | SPECIAL | SCOPE, Center "center" DIV,
    Cite "cite" 0, Code "code" LINE, Col "col" VOID | DROP | SPECIAL, Colgroup "colgroup" DROP | SPECIAL, Data "data" 0,
    Datalist "datalist" DROP, Dd "dd" ITEM, Del "del" 0, Details "details" DIV, Dfn "dfn" 0, Dialog "dialog" DIV, Dir "dir" DIV,
    Div "div" DIV, Dl "dl" DIV, Dt "dt" ITEM, Em "em" LINE, Embed "embed" VOID | DROP | SPECIAL | BREAKS_OUT,
    Fieldset "fieldset" DIV, Figcaption "figcaption" DIV, Figure "figure" DIV, Font "font" FORMAT, Footer "footer" DIV,
    ForeignObject "foreignobject" SCOPE, Form "form" DIV, Frame "frame" VOID | DROP | SPECIAL,
    Frameset "frameset" DROP | SPECIAL, H1 "h1" DIV | HEADING, H2 "h2" DIV | HEADING, H3 "h3" DIV | HEADING,
    H4 "h4" DIV | HEADING, H5 "h5" DIV | HEADING, H6 "h6" DIV | HEADING, Head "head" DROP | SPECIAL | BREAKS_OUT,
    Header "header" DIV, Hgroup "hgroup" DIV, Hr "hr" VOID | DIV, Html "html" SPECIAL | SCOPE, I "i" LINE,
    Iframe "iframe" RAW | DROP | SPECIAL, Img "img" VOID | SPECIAL | BREAKS_OUT, Input "input" VOID | DROP | SPECIAL, Ins "ins" 0,
    Kbd "kbd" 0, Keygen "keygen" VOID | DROP | SPECIAL, Label "label" 0, Legend "legend" BLOCK, Li "li" ITEM,
    Link "link" VOID | DROP | SPECIAL | HEAD, Listing "listing" DIV, Main "main" DIV, Map "map" 0, Mark "mark" 0,
    Marquee "marquee" BLOCK | SPECIAL | SCOPE, Math "math" 0, Menu "menu" DIV,
    Meta "meta" VOID | DROP | SPECIAL | HEAD | BREAKS_OUT, Meter "meter" DROP, Mfrac "mfrac" 0, Mi "mi" SCOPE, Mn "mn" SCOPE,
    Mo "mo" SCOPE, Mroot "mroot" 0, Mrow "mrow" 0, Ms "ms" SCOPE, Msqrt "msqrt" 0, Msub "msub" 0, Msubsup "msubsup" 0,
    Msup "msup" 0, Mtable "mtable" 0, Mtd "mtd" 0, Mtext "mtext" SCOPE, Mtr "mtr" 0, Mover "mover" 0, Munder "munder" 0,
    Munderover "munderover" 0, Nav "nav" DIV, Nobr "nobr" LINE, Noembed "noembed" RAW | DROP | SPECIAL,
    Noframes "noframes" RAW | DROP | SPECIAL | HEAD, Noscript "noscript" RAW | DROP | SPECIAL | HEAD,
    Object "object" DROP | SPECIAL | SCOPE, Ol "ol" DIV, Optgroup "optgroup" DROP | IMPLIED, Choice "option" DROP | IMPLIED,
    Output "output" 0, P "p" BLOCK | SPECIAL | ENDS_P | IMPLIED | BREAKS_OUT, Param "param" VOID | DROP | SPECIAL,
    Picture "picture" 0, Plaintext "plaintext" DIV, Pre "pre" DIV, Progress "progress" DROP, Q "q" 0, Rb "rb" IMPLIED,
    Rp "rp" DROP | IMPLIED, Rt "rt" DROP | IMPLIED, Rtc "rtc" DROP | IMPLIED, Ruby "ruby" BREAKS_OUT, S "s" LINE, Samp "samp" 0,
    Script "script" RAW | DROP | SPECIAL | HEAD, Search "search" DIV, Section "section" DIV, Select "select" DROP | SPECIAL,
    Semantics "semantics" 0, Slot "slot" 0, Small "small" LINE, Source "source" VOID | DROP | SPECIAL, Span "span" BREAKS_OUT,
    Strike "strike" LINE, Strong "strong" LINE, Style "style" RAW | DROP | SPECIAL | HEAD, Sub "sub" BREAKS_OUT,
    Summary "summary" DIV, Sup "sup" BREAKS_OUT, Svg "svg" DROP, Table "table" DIV | SCOPE | TABLE,
    Tbody "tbody" BLOCK | SPECIAL | TABLE, Td "td" BLOCK | SPECIAL | SCOPE, Template "template" DROP | SPECIAL | SCOPE,
    Textarea "textarea" RAW | DROP | SPECIAL, Tfoot "tfoot" BLOCK | SPECIAL | TABLE, Th "th" BLOCK | SPECIAL | SCOPE,
    Thead "thead" BLOCK | SPECIAL | TABLE, Time "time" 0, Title "title" RAW | DROP | SPECIAL | HEAD,
    Tr "tr" BLOCK | SPECIAL | TABLE, Track "track" VOID | DROP | SPECIAL, Tt "tt" LINE, U "u" LINE, Ul "ul" DIV,
    Use "use" DROP, Var "var" BREAKS_OUT, Video "video" DROP, Wbr "wbr" VOID | DROP | SPECIAL, Xmp "xmp" RAW | DIV,
}

impl Tag {
    /// How many there are.
    pub(super) const COUNT: usize = FLAGS.len();

    /// The element of a name in lower case.
    pub(super) fn of(name: &[u8]) -> Self {
        static BY_NAME: LazyLock<FxHashMap<&'static [u8], Tag>> = LazyLock::new(|| {
            NAMES
                .iter()
                .map(|(name, tag)| (name.as_bytes(), *tag))
                .chain([(&b"image"[..], Tag::Img)])
                .collect()
        });
        BY_NAME.get(name).copied().unwrap_or(Self::Other)
    }

    /// Whether it has any of these properties.
    pub(super) fn is(self, flags: u16) -> bool {
        FLAGS[self as usize] & flags != 0
    }

    /// 1 to 6 of a heading.
    pub(super) fn level(self) -> Option<usize> {
        self.is(HEADING).then(|| self as usize - Self::H1 as usize + 1)
    }
}
