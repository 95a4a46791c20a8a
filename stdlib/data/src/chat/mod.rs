//! Conversations from files.

mod load;

llmp_stage::stages! { "data/chat":
    "chat.load" = load { pace, probe },
}
