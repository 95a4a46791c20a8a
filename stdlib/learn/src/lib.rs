//! Stages that train a model. Each turns what it learns from into batches; the trainer is
//! [`llmp_model::train()`].

mod blend;
mod held_out;
mod mix;
mod passes;
mod pretrain;
mod refusal;
mod sft;
mod tool_use;
mod trial;
mod tune;

llmp_stage::stages! { "learn":
    "pretrain" = pretrain { complete, cost, lint },
    "refusal" = refusal { cost, remarks },
    "sft" = sft { cost, remarks },
    "tool_use" = tool_use { cost, remarks },
}
