//! Questions from files.

mod load;

llmp_stage::stages! { "data/knowledge":
    "knowledge.load" = load { pace, probe },
}
