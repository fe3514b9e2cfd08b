/* Music features that know the order of time, from a musicfeat model file, by ONNX Runtime's C API.
 *
 * Take this header and the folder src into a program as they are, or build the library with CMake. Sound is mono float
 * at any level and any sample rate. Results are those of the Python runtime to 1e-3. Functions answer MF_OK or a code; mf_error() then says in words what was
 * wrong and how to mend it. A model may be used by several threads at once; mf_error() is each thread's own. */
#ifndef MUSICFEAT_H
#define MUSICFEAT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    MF_OK = 0,
    MF_INPUT = 1,   /* an argument cannot be used as it is */
    MF_MODEL = 2,   /* the model file is missing, damaged, or does not keep the model contract */
    MF_RUNTIME = 3, /* ONNX Runtime is older than the header, or fails */
    MF_MEMORY = 4   /* no memory is left */
} mf_status;

typedef struct mf_model mf_model;

/* What a model says of itself. Texts and lists live as long as the model. */
typedef struct {
    const char *name, *version;
    uint32_t sample_rate;      /* Hz */
    size_t window, hop;        /* samples of a window at that rate, and from one window to the next unless asked otherwise */
    size_t dimension;          /* numbers of an embedding */
    size_t label_count;
    const char *const *labels; /* UTF-8; of the tags, if the model has them */
    int has_reversal, has_jigsaw, has_tags, has_successor, has_cut, has_backwards;
} mf_info;

/* What was found in a recording: `windows` rows. Free it by mf_free_features. */
typedef struct {
    size_t windows, dimension, label_count;
    double *starts, *ends; /* [windows] seconds, where a window and where its sound ends */
    double *weights;       /* [windows] share in pooled values; sums to 1 */
    uint8_t *silent;       /* [windows] 1 where there is nothing to hear */
    float *embeddings;     /* [windows][dimension]; zeros for silence */
    float *reversal;       /* [windows] P(plays backwards); 0.5, undecided, below a second of sound */
    float *jigsaw;         /* [windows] P(pieces out of order); 0.5 for a padded window */
    float *tag_curve;      /* [windows][label_count] */
    float *embedding;      /* [dimension] of the whole recording */
    float *tags;           /* [label_count] of the whole recording */
    double reversed;       /* P(plays backwards) of the whole recording */
} mf_features;

/* The most probable order of some pieces. Free it by mf_free_order. */
typedef struct {
    size_t pieces;
    size_t *permutation; /* [pieces] indices of the pieces as handed, in playing order */
    double probability;  /* of this order among all orders */
    double shuffled;     /* P(the pieces do not play in the order in which they were handed), the prior being 1/2 */
    double *scores;      /* [pieces][pieces] of the row's piece directly before the column's, in nats; diagonal 0 */
    double gap;          /* seconds missing at each join: as told, or the most probable */
} mf_order_result;

/* Evidence that the music runs straight on, at evenly spaced times: from a model's curve of cuts over the whole recording,
 * windows that seem to hold a cut being heard twice; else from joins, the first and the last a third of a window from its
 * ends. Beside it the curve of what plays backwards. Free it by mf_free_continuity. */
typedef struct {
    size_t count;
    double *times;           /* [count] seconds */
    double *evidence;        /* [count] nats: above 0 for "runs on", below for "was cut" */
    double apart;            /* least seconds between two edits */
    size_t backwards_count;  /* 0 for models without a curve of what plays backwards */
    double *backwards_times; /* [backwards_count] seconds */
    double *backwards;       /* [backwards_count] P(this plays backwards) */
    double backwards_step;   /* seconds from one value to the next */
} mf_continuity_result;

/* A place where something was cut out or put in. */
typedef struct {
    double time, probability; /* seconds, P(cut) */
} mf_edit;

/* A stretch that plays backwards: seconds, and P(it does). */
typedef struct {
    double start, end, probability;
} mf_stretch;

#define MF_GAP_UNKNOWN (-1.0)
#define MF_MOST_PIECES 13

/* Open a model file. threads: of the model, 0 for as many as there are cores. *model is NULL unless MF_OK. */
mf_status mf_open(const char *path, int threads, mf_model **model);
void mf_close(mf_model *model);
mf_info mf_describe(const mf_model *model);

/* Everything in `count` samples, at least one. hop: samples at the model's rate from window to window, 0 for its own. */
mf_status mf_extract(const mf_model *model, const float *samples, size_t count, uint32_t sample_rate, size_t hop,
                     mf_features **features);
void mf_free_features(mf_features *features);

/* Put 2 to MF_MOST_PIECES pieces of one recording in playing order, each at least a second long.
 * gap: seconds missing at each join, from 0 to about half a second, or MF_GAP_UNKNOWN. Where it is 0, the model's curve
 * of cuts, if it has one, is heard at the joins, too. */
mf_status mf_order(const mf_model *model, const float *const *pieces, const size_t *counts, size_t n,
                   uint32_t sample_rate, double gap, mf_order_result **order);
void mf_free_order(mf_order_result *order);

/* Continuity at every time of a recording, which lasts at least one window unless the model has a curve of cuts. */
mf_status mf_continuity(const mf_model *model, const float *samples, size_t count, uint32_t sample_rate,
                        mf_continuity_result **continuity);
void mf_free_continuity(mf_continuity_result *continuity);

/* Places with P(cut) of at least `least` and none likelier beside them, at least `apart` seconds apart, the likeliest
 * `room` of them, in time order; answers how many. */
size_t mf_edits(const mf_continuity_result *continuity, double least, mf_edit *edits, size_t room);

/* Stretches of at least a second that play backwards with P of at least `least`, the first `room` of them in time order;
 * their ends lie at the likeliest cuts near by. Answers how many. */
size_t mf_stretches(const mf_continuity_result *continuity, double least, mf_stretch *stretches, size_t room);

/* Samples at another rate, the first one at the same time, like soxr's quality HQ. Free them by mf_free_samples. */
mf_status mf_resample(const float *samples, size_t count, uint32_t rate, uint32_t to, float **resampled,
                      size_t *length);

/* A WAV file of 16-bit or float samples, its channels mixed. Free the samples by mf_free_samples. */
mf_status mf_read_wav(const char *path, float **samples, size_t *count, uint32_t *sample_rate);
void mf_free_samples(float *samples);

/* What was wrong with the last call of this thread that did not answer MF_OK. */
const char *mf_error(void);

#ifdef __cplusplus
}
#endif
#endif
