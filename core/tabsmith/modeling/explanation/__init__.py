"""Why a model predicts what it does, and where it errs: measured once and kept in its report, or asked for single rows."""
