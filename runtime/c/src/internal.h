/* What the source files of the library share. Programs include musicfeat.h alone. */
#ifndef MUSICFEAT_INTERNAL_H
#define MUSICFEAT_INTERNAL_H

#include "musicfeat.h"

#include <onnxruntime_c_api.h>

#define TRY(call) do { mf_status tried = (call); if (tried) return tried; } while (0)
#define ORT(model, call) TRY(mfi_answered((model)->ort, (model)->ort->call))

enum { EMBEDDING, REVERSAL, JIGSAW, TAGS, SUCCESSOR, CUT, BACKWARDS, OUTPUTS };
extern const char *const MFI_NAMES[OUTPUTS];

/* Moments of a window at which a curve has its values. */
typedef struct {
    size_t moments;
    double step, first; /* seconds from one moment to the next, and from the window's start to the first */
} Timing;

struct mf_model {
    const OrtApi *ort;
    OrtEnv *env;
    OrtSession *session;
    OrtMemoryInfo *memory;
    char *name, *version, **labels;
    size_t window, hop, pieces, distance, rate, dimension, label_count;
    Timing cut, backwards;
    int has[OUTPUTS], level_matters;
};

/* Mono sound at the model's rate: the caller's samples, or a copy that is `owned`. */
typedef struct {
    const float *samples;
    size_t count;
    float *owned;
} Sound;

/* Pieces of a recording on their way to scores of their joins. */
typedef struct {
    const mf_model *model;
    const Sound *pieces;
    size_t n, slot;
    float *tails, *heads, *window, *table, *cut; /* [n][slot] twice, [window], [model's pieces] squared, [moments] */
    double *seen, *evidence;                     /* [n][n] */
    int touching;                                /* nothing is missing: the curve of cuts is heard at the joins */
} Joins;

/* errors.c */
mf_status mfi_fail(mf_status code, const char *format, ...);
mf_status mfi_answered(const OrtApi *ort, OrtStatus *status);
mf_status mfi_reserve(void *pointer, size_t count, size_t size);

/* card.c: what a model file says of itself in its metadata */
mf_status mfi_read_card(mf_model *model, OrtModelMetadata *metadata);

/* session.c: run a window, which is levelled where it lies; each wanted output goes to its place */
mf_status mfi_run(const mf_model *model, float *window, float *const to[OUTPUTS], const size_t sizes[OUTPUTS]);

/* sound.c: samples checked and brought to the model's rate; free `owned` */
mf_status mfi_hear(const mf_model *model, const float *samples, size_t count, uint32_t rate, Sound *sound);

/* resample.c: whether sound of a rate can be resampled */
mf_status mfi_check_rate(uint32_t rate);

/* curves.c: evidence of a recording's continuity and P(backwards), from the model's curves */
mf_status mfi_read_curves(const mf_model *model, const Sound *sound, mf_continuity_result *result);

/* evidence.c: evidence against what has a probability; and that of a window's curve at a time, between the two moments
   around it */
double mfi_evidence_of(double probability);
double mfi_evidence_at(const Timing *timing, const float *row, double seconds);

/* second_hearing.c: a window's P(cut) by two hearings, if the first found it suspicious */
mf_status mfi_hear_again(const mf_model *model, const float *window, float *row);

/* joins.c: score of every piece directly before every other, for one gap in seconds; total is [n][n] */
mf_status mfi_score_joins(Joins *joins, double gap, double *total);

#endif
