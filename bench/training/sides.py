"""The sides of a measurement: Luthier and its peers."""

OURS, SAME, DYNAMIC, GROUPED, PADDED = "luthier", "same", "dynamic", "grouped", "padded"
PACKED, FREE = "packed", "padding_free"
TRL = (PACKED, FREE)  # of another environment
RATIOS = {
    SAME: "ratio_same_batches",
    DYNAMIC: "ratio_vs_trainer",
    GROUPED: "ratio_vs_trainer_grouped",
    PADDED: "ratio_vs_trainer_padded",
    PACKED: "ratio_vs_sft_packed",
    FREE: "ratio_vs_sft_padding_free",
}
SAYS = {
    OURS: "`luthier train`",
    SAME: "`Trainer`, Luthier's batches",
    DYNAMIC: "`Trainer`, dynamic padding",
    GROUPED: "`Trainer`, `group_by_length`",
    PADDED: "`Trainer`, padded to the maximum",
    PACKED: "`SFTTrainer`, `packing`",
    FREE: "`SFTTrainer`, `padding_free`",
}
