/* See musicfeat.h. C11 and ONNX Runtime's C API, nothing else:
 *     cc -std=c11 -O2 -I ORT/include -c musicfeat.c
 * The rules are those of the Python runtime's modules windows, recording, features, joins and order. */
#define _POSIX_C_SOURCE 200809L
#include "musicfeat.h"

#include <math.h>
#include <onnxruntime_c_api.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call) do { mf_status tried = (call); if (tried) return tried; } while (0)
#define ORT(model, call) TRY(answered((model)->ort, (model)->ort->call))

static const char *const NAMES[] = {"embedding", "reversal", "jigsaw", "tags", "successor"};
enum { EMBEDDING, REVERSAL, JIGSAW, TAGS, SUCCESSOR, OUTPUTS };
static const float SILENCE = 2e-6f, QUIET = 0x1p-6f, LOUDEST = 1e30f;
static const double SLACK_SECONDS = 0.003, LEAST_SECONDS = 1, GAP_STEP = 0.05;

struct mf_model {
    const OrtApi *ort;
    OrtEnv *env;
    OrtSession *session;
    OrtMemoryInfo *memory;
    char *name, *version, **labels;
    size_t window, hop, pieces, distance, rate, dimension, label_count;
    int has[OUTPUTS], level_matters;
};

static _Thread_local char error_text[600];

const char *mf_error(void) { return error_text; }

static mf_status fail(mf_status code, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(error_text, sizeof error_text, format, values);
    va_end(values);
    return code;
}

static mf_status answered(const OrtApi *ort, OrtStatus *status) {
    if (!status) return MF_OK;
    fail(MF_RUNTIME, "ONNX Runtime: %.500s", ort->GetErrorMessage(status));
    ort->ReleaseStatus(status);
    return MF_RUNTIME;
}

static mf_status reserve(void *pointer, size_t count, size_t size) {
    void *room = count && size > SIZE_MAX / count ? NULL : calloc(count ? count : 1, size);
    memcpy(pointer, &room, sizeof room);
    return room ? MF_OK : fail(MF_MEMORY, "no memory is left for %zu values of %zu bytes", count, size);
}

/* ---- The model's card: JSON in the file's metadata ---- */

static mf_status looked_up(const mf_model *model, OrtModelMetadata *metadata, const char *key, char **text) {
    OrtAllocator *allocator;
    char *found = NULL;
    ORT(model, GetAllocatorWithDefaultOptions(&allocator));
    ORT(model, ModelMetadataLookupCustomMetadataMap(metadata, allocator, key, &found));
    if (!found) return fail(MF_MODEL, "not a musicfeat model (no %s in its metadata): use musicfeat-export", key);
    mf_status status = reserve(text, strlen(found) + 1, 1);
    if (!status) strcpy(*text, found);
    allocator->Free(allocator, found);
    return status;
}

static mf_status whole_number(const mf_model *model, OrtModelMetadata *metadata, const char *key, size_t *value) {
    char *text, *end;
    TRY(looked_up(model, metadata, key, &text));
    double number = strtod(text, &end);
    int good = end != text && !*end && number >= 1 && number <= 1e9 && number == floor(number);
    *value = good ? (size_t)number : 0;
    free(text);
    return good ? MF_OK : fail(MF_MODEL, "a damaged model card: %s is no whole number from 1: export it anew", key);
}

/* A \uXXXX of JSON as UTF-8; halves of a pair of surrogates stay apart, as question marks. */
static char *unescaped(const char **place, char *to) {
    unsigned code = 0;
    char digits[5] = {0};
    strncpy(digits, *place, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4) return NULL;
    code = (unsigned)strtoul(digits, NULL, 16);
    *place += 4;
    if (code >= 0xD800 && code < 0xE000) code = '?';
    if (code < 0x80) *to++ = (char)code;
    else if (code < 0x800) *to++ = (char)(0xC0 | code >> 6), *to++ = (char)(0x80 | (code & 63));
    else *to++ = (char)(0xE0 | code >> 12), *to++ = (char)(0x80 | (code >> 6 & 63)), *to++ = (char)(0x80 | (code & 63));
    return to;
}

/* The JSON string at *place, decoded where it stands (it never grows); NULL if there is none. */
static char *string_at(char **place) {
    char *from = *place, *to = from, *begin = from;
    if (*from++ != '"') return NULL;
    while (*from && *from != '"') {
        if (*from != '\\') { *to++ = *from++; continue; }
        const char *known = "\"\\/bfnrt", *meant = "\"\\/\b\f\n\r\t", *found = from[1] ? strchr(known, from[1]) : NULL;
        if (!found && from[1] != 'u') return NULL;
        const char *after = from + 2;
        if (found) *to++ = meant[found - known];
        else if (!(to = unescaped(&after, to))) return NULL;
        from += after - from;
    }
    if (!*from) return NULL;
    *place = from + 1;
    *to = 0;
    return begin;
}

/* The strings of a JSON list, as pointers into the text. The first of them is the text itself, to be freed. */
static mf_status strings_of(char *text, char ***list, size_t *count) {
    size_t most = 1;
    for (const char *c = text; *c; c++) most += *c == ',';
    TRY(reserve(list, most + 1, sizeof **list));
    (*list)[0] = text;
    char *place = text + strspn(text, " \t\r\n");
    int good = *place++ == '[';
    for (*count = 0; good && *(place += strspn(place, " ,\t\r\n")) != ']';) {
        char *one = string_at(&place);
        good = one && *count < most;
        if (good) (*list)[++*count] = one;
    }
    return good ? MF_OK : fail(MF_MODEL, "a damaged model card: no list of texts: export it anew");
}

static mf_status text_of(const mf_model *model, OrtModelMetadata *metadata, const char *key, char **text) {
    TRY(looked_up(model, metadata, key, text));
    char *place = *text, *found = string_at(&place);
    if (!found) return fail(MF_MODEL, "a damaged model card: %s is no text: export it anew", key);
    memmove(*text, found, strlen(found) + 1);
    return MF_OK;
}

static mf_status read_outputs(mf_model *model, OrtModelMetadata *metadata) {
    char *text, **list = NULL;
    size_t count = 0;
    TRY(looked_up(model, metadata, "outputs", &text));
    mf_status status = strings_of(text, &list, &count);
    for (size_t i = 1; !status && i <= count; i++)
        for (int k = 0; k < OUTPUTS; k++) model->has[k] |= !strcmp(list[i], NAMES[k]);
    free(list);
    free(text);
    TRY(status);
    return model->has[EMBEDDING] ? MF_OK : fail(MF_MODEL, "a damaged model card: no embedding: export it anew");
}

/* Older files do not say whether the level of the sound matters, which then does not. */
static mf_status read_level(mf_model *model, OrtModelMetadata *metadata) {
    OrtAllocator *allocator;
    char *found = NULL;
    ORT(model, GetAllocatorWithDefaultOptions(&allocator));
    ORT(model, ModelMetadataLookupCustomMetadataMap(metadata, allocator, "level_matters", &found));
    model->level_matters = found && !strcmp(found, "true");
    if (found) allocator->Free(allocator, found);
    return MF_OK;
}

static mf_status read_card(mf_model *model, OrtModelMetadata *metadata) {
    char *contract, *labels;
    TRY(looked_up(model, metadata, "musicfeat_contract", &contract));
    int known = !strcmp(contract, "1");
    if (!known) fail(MF_MODEL, "the model keeps contract %.20s, this library reads 1: export the model anew", contract);
    free(contract);
    if (!known) return MF_MODEL;
    TRY(whole_number(model, metadata, "sample_rate", &model->rate));
    TRY(whole_number(model, metadata, "window", &model->window));
    TRY(whole_number(model, metadata, "hop", &model->hop));
    TRY(whole_number(model, metadata, "pieces", &model->pieces));
    TRY(whole_number(model, metadata, "piece_distance", &model->distance));
    if (model->hop > model->window || model->pieces < 2 || model->pieces > model->window)
        return fail(MF_MODEL, "a damaged model card: window, hop and pieces do not agree: export it anew");
    TRY(text_of(model, metadata, "name", &model->name));
    TRY(text_of(model, metadata, "version", &model->version));
    TRY(read_outputs(model, metadata));
    TRY(read_level(model, metadata));
    TRY(looked_up(model, metadata, "labels", &labels));
    mf_status status = strings_of(labels, &model->labels, &model->label_count);
    if (!model->labels) free(labels);
    return status;
}

/* ---- Opening ---- */

static mf_status numbers_of(const mf_model *model, const OrtTypeInfo *type, size_t *count) {
    const OrtTensorTypeAndShapeInfo *tensor = NULL;
    enum ONNXTensorElementDataType kind = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    int64_t shape[8] = {0};
    size_t axes = 0;
    ORT(model, CastTypeInfoToTensorInfo(type, &tensor));
    if (tensor) ORT(model, GetTensorElementType(tensor, &kind));
    if (tensor) ORT(model, GetDimensionsCount(tensor, &axes));
    if (kind != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || axes < 1 || axes > 8)
        return fail(MF_MODEL, "the graph does not match its card: its values are no float tensors");
    ORT(model, GetDimensions(tensor, shape, axes));
    *count = 1;
    for (size_t i = 1; i < axes; i++) {
        if (shape[i] < 1 || shape[i] > 1 << 30)
            return fail(MF_MODEL, "the graph does not match its card: an open size");
        *count *= (size_t)shape[i];
    }
    return MF_OK;
}

/* How many numbers a window has in one of the graph's inputs or outputs; 0 if it is not there. */
static mf_status graph_size(const mf_model *model, const char *name, int is_input, size_t *count) {
    OrtAllocator *allocator;
    size_t there = 0;
    *count = 0;
    ORT(model, GetAllocatorWithDefaultOptions(&allocator));
    if (is_input) ORT(model, SessionGetInputCount(model->session, &there));
    else ORT(model, SessionGetOutputCount(model->session, &there));
    for (size_t i = 0; i < there; i++) {
        char *found;
        OrtTypeInfo *type;
        if (is_input) ORT(model, SessionGetInputName(model->session, i, allocator, &found));
        else ORT(model, SessionGetOutputName(model->session, i, allocator, &found));
        int same = !strcmp(found, name);
        allocator->Free(allocator, found);
        if (!same) continue;
        if (is_input) ORT(model, SessionGetInputTypeInfo(model->session, i, &type));
        else ORT(model, SessionGetOutputTypeInfo(model->session, i, &type));
        mf_status status = numbers_of(model, type, count);
        model->ort->ReleaseTypeInfo(type);
        return status;
    }
    return MF_OK;
}

static mf_status check_graph(mf_model *model) {
    size_t expected[OUTPUTS] = {0, 1, 1, model->label_count, model->pieces * model->pieces}, size;
    TRY(graph_size(model, "waveform", 1, &size));
    if (size != model->window)
        return fail(MF_MODEL, "the graph does not match its card: its input has %zu samples", size);
    TRY(graph_size(model, NAMES[EMBEDDING], 0, &model->dimension));
    expected[EMBEDDING] = model->dimension;
    for (int k = 0; k < OUTPUTS; k++) {
        if (!model->has[k]) continue;
        TRY(graph_size(model, NAMES[k], 0, &size));
        if (!size || size != expected[k]) return fail(MF_MODEL, "the graph does not match its card: %s", NAMES[k]);
    }
    return MF_OK;
}

static mf_status load(mf_model *model, const char *path, int threads) {
    OrtSessionOptions *options;
    OrtModelMetadata *metadata;
#ifdef _WIN32
    wchar_t place[4096];
    if (mbstowcs(place, path, 4096) >= 4096) return fail(MF_INPUT, "the model's path is too long");
#else
    const char *place = path;
    setenv("ORT_DISABLE_TELEMETRY", "1", 0); /* ONNX Runtime reports usage from 1.29 on, unless told not to. */
#endif
    ORT(model, CreateEnv(ORT_LOGGING_LEVEL_ERROR, "musicfeat", &model->env));
    ORT(model, DisableTelemetryEvents(model->env));
    ORT(model, CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &model->memory));
    ORT(model, CreateSessionOptions(&options));
    mf_status status = answered(model->ort, model->ort->SetIntraOpNumThreads(options, threads));
    if (!status && answered(model->ort, model->ort->CreateSession(model->env, place, options, &model->session)))
        status = MF_MODEL;
    model->ort->ReleaseSessionOptions(options);
    TRY(status);
    ORT(model, SessionGetModelMetadata(model->session, &metadata));
    status = read_card(model, metadata);
    model->ort->ReleaseModelMetadata(metadata);
    TRY(status);
    return check_graph(model);
}

mf_status mf_open(const char *path, int threads, mf_model **model) {
    if (!model) return fail(MF_INPUT, "there is no place for the model: pass the address of a pointer");
    *model = NULL;
    if (!path || !*path) return fail(MF_INPUT, "path of the model file is missing");
    if (threads < 0) return fail(MF_INPUT, "threads must be a whole number from 0, got %d", threads);
    const OrtApi *ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    if (!ort) {
        const char *found = OrtGetApiBase()->GetVersionString();
        return fail(MF_RUNTIME, "ONNX Runtime %s is older than its header, API %d: update it", found, ORT_API_VERSION);
    }
    TRY(reserve(model, 1, sizeof **model));
    (*model)->ort = ort;
    mf_status status = load(*model, path, threads);
    if (!status) return MF_OK;
    mf_close(*model);
    *model = NULL;
    return status;
}

void mf_close(mf_model *model) {
    if (!model) return;
    if (model->session) model->ort->ReleaseSession(model->session);
    if (model->memory) model->ort->ReleaseMemoryInfo(model->memory);
    if (model->env) model->ort->ReleaseEnv(model->env);
    free(model->name);
    free(model->version);
    if (model->labels) free(model->labels[0]);
    free(model->labels);
    free(model);
}

mf_info mf_describe(const mf_model *model) {
    return (mf_info){
        .name = model->name, .version = model->version, .sample_rate = (uint32_t)model->rate, .window = model->window,
        .hop = model->hop, .dimension = model->dimension, .label_count = model->label_count,
        .labels = (const char *const *)model->labels + 1, .has_reversal = model->has[REVERSAL],
        .has_jigsaw = model->has[JIGSAW], .has_tags = model->has[TAGS], .has_successor = model->has[SUCCESSOR]};
}

/* ---- Running ---- */

static mf_status check_sound(const mf_model *model, const float *samples, size_t count, uint32_t rate) {
    if (!samples || !count) return fail(MF_INPUT, "audio is empty: at least one sample is needed");
    if (rate != model->rate)
        return fail(MF_INPUT, "the sound has %u Hz, the model hears %zu Hz: resample it, or make a model for it by "
                    "musicfeat-export --resample %u", (unsigned)rate, model->rate, (unsigned)rate);
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(samples[i]) <= LOUDEST))
            return fail(MF_INPUT, "audio holds NaN or infinite values, or some beyond %g: replace them", LOUDEST);
    return MF_OK;
}

/* Bring a very loud or very quiet window to a peak between 1/2 and 1, by a power of two and so exactly. */
static void level(float *window, size_t size) {
    float peak = 0;
    int exponent;
    for (size_t i = 0; i < size; i++) peak = fmaxf(peak, fabsf(window[i]));
    if (peak == 0 || (peak >= QUIET && peak <= 1 / QUIET)) return;
    frexpf(peak, &exponent);
    for (size_t i = 0; i < size; i++) window[i] = ldexpf(window[i], -exponent);
}

static mf_status copied(const mf_model *model, OrtValue *value, const char *name, float *to, size_t size) {
    OrtTensorTypeAndShapeInfo *shape;
    float *data;
    size_t found;
    ORT(model, GetTensorTypeAndShape(value, &shape));
    mf_status status = answered(model->ort, model->ort->GetTensorShapeElementCount(shape, &found));
    model->ort->ReleaseTensorTypeAndShapeInfo(shape);
    TRY(status);
    if (found != size) return fail(MF_MODEL, "%s has %zu numbers where its card says %zu", name, found, size);
    ORT(model, GetTensorMutableData(value, (void **)&data));
    memcpy(to, data, size * sizeof *to);
    return MF_OK;
}

/* Run a window, which is levelled where it lies; each wanted output goes to its place. */
static mf_status run(const mf_model *model, float *window, float *const to[OUTPUTS], const size_t sizes[OUTPUTS]) {
    const char *inputs[] = {"waveform"}, *names[OUTPUTS];
    const int64_t shape[] = {1, (int64_t)model->window};
    OrtValue *input = NULL, *values[OUTPUTS] = {0};
    int kinds[OUTPUTS], wanted = 0;
    for (int k = 0; k < OUTPUTS; k++)
        if (to[k]) names[wanted] = NAMES[k], kinds[wanted++] = k;
    if (!model->level_matters) level(window, model->window);
    ORT(model, CreateTensorWithDataAsOrtValue(model->memory, window, model->window * sizeof *window, shape, 2,
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    const OrtValue *const given[] = {input};
    mf_status status = answered(
        model->ort, model->ort->Run(model->session, NULL, inputs, given, 1, names, (size_t)wanted, values));
    for (int i = 0; i < wanted; i++) {
        if (!status) status = copied(model, values[i], names[i], to[kinds[i]], sizes[kinds[i]]);
        if (values[i]) model->ort->ReleaseValue(values[i]);
    }
    model->ort->ReleaseValue(input);
    return status;
}

/* ---- Features ---- */

static mf_status features_of(const mf_model *model, size_t windows, mf_features **features) {
    TRY(reserve(features, 1, sizeof **features));
    mf_features *f = *features;
    f->windows = windows, f->dimension = model->dimension;
    f->label_count = model->has[TAGS] ? model->label_count : 0;
    TRY(reserve(&f->starts, windows, sizeof *f->starts));
    TRY(reserve(&f->ends, windows, sizeof *f->ends));
    TRY(reserve(&f->weights, windows, sizeof *f->weights));
    TRY(reserve(&f->silent, windows, sizeof *f->silent));
    TRY(reserve(&f->reversal, windows, sizeof *f->reversal));
    TRY(reserve(&f->jigsaw, windows, sizeof *f->jigsaw));
    if (f->dimension > SIZE_MAX / windows) return fail(MF_MEMORY, "no memory is left for %zu windows", windows);
    TRY(reserve(&f->embeddings, windows * f->dimension, sizeof *f->embeddings));
    TRY(reserve(&f->tag_curve, windows * f->label_count, sizeof *f->tag_curve));
    TRY(reserve(&f->embedding, f->dimension, sizeof *f->embedding));
    return reserve(&f->tags, f->label_count, sizeof *f->tags);
}

static int is_silent(const float *samples, size_t count) {
    float least = samples[0], most = samples[0];
    for (size_t i = 1; i < count; i++) least = fminf(least, samples[i]), most = fmaxf(most, samples[i]);
    return most - least <= SILENCE;
}

/* One row: what a silent, short or padded window cannot tell stays undecided. */
static mf_status judge(const mf_model *model, float *window, size_t valid, size_t row, mf_features *f) {
    const size_t sizes[OUTPUTS] = {f->dimension, 1, 1, f->label_count, 0};
    float reversal = 0.5f, jigsaw = 0.5f;
    float *to[OUTPUTS] = {f->embeddings + row * f->dimension, model->has[REVERSAL] ? &reversal : NULL,
                          model->has[JIGSAW] ? &jigsaw : NULL,
                          f->label_count ? f->tag_curve + row * f->label_count : NULL, NULL};
    f->silent[row] = (uint8_t)is_silent(window, valid);
    f->reversal[row] = f->jigsaw[row] = 0.5f;
    if (f->silent[row]) return MF_OK;
    TRY(run(model, window, to, sizes));
    if (valid >= model->rate) f->reversal[row] = reversal;
    if (valid == model->window) f->jigsaw[row] = jigsaw;
    return MF_OK;
}

static void pool(mf_features *f, size_t hop, size_t last) {
    double total = 0, log_odds = 0;
    int heard = 0;
    for (size_t i = 0; i < f->windows; i++) heard |= !f->silent[i];
    for (size_t i = 0; i < f->windows; i++) {
        f->weights[i] = f->silent[i] && heard ? 0 : (double)(i + 1 < f->windows ? hop : last);
        total += f->weights[i];
    }
    for (size_t i = 0; i < f->windows; i++) {
        double p = fmin(fmax(f->reversal[i], 1e-4), 1 - 1e-4), weight = f->weights[i] /= total;
        log_odds += weight * log(p / (1 - p));
        const float *embedding = f->embeddings + i * f->dimension, *tags = f->tag_curve + i * f->label_count;
        for (size_t k = 0; k < f->dimension; k++) f->embedding[k] += (float)(weight * embedding[k]);
        for (size_t k = 0; k < f->label_count; k++) f->tags[k] += (float)(weight * tags[k]);
    }
    f->reversed = 1 / (1 + exp(-log_odds));
}

static mf_status extract(const mf_model *model, const float *samples, size_t count, size_t hop, mf_features *f) {
    float *window;
    mf_status status = MF_OK;
    size_t valid = 0;
    TRY(reserve(&window, model->window, sizeof *window));
    for (size_t row = 0; !status && row < f->windows; row++) {
        size_t start = row * hop;
        valid = count - start < model->window ? count - start : model->window;
        memset(window, 0, model->window * sizeof *window);
        memcpy(window, samples + start, valid * sizeof *window);
        f->starts[row] = (double)start / (double)model->rate;
        f->ends[row] = (double)(start + valid) / (double)model->rate;
        status = judge(model, window, valid, row, f);
    }
    free(window);
    if (!status) pool(f, hop, valid);
    return status;
}

mf_status mf_extract(const mf_model *model, const float *samples, size_t count, uint32_t sample_rate, size_t hop,
                     mf_features **features) {
    if (!model || !features) return fail(MF_INPUT, "a model and a place for the features are needed");
    *features = NULL;
    TRY(check_sound(model, samples, count, sample_rate));
    if (!hop) hop = model->hop;
    if (hop > model->window)
        return fail(MF_INPUT, "hop must be from 1 to %zu samples so that none is left out, got %zu", model->window,
                    hop);
    size_t windows = count <= model->window ? 1 : 1 + (count - model->window - 1) / hop + 1;
    mf_status status = features_of(model, windows, features);
    if (!status) status = extract(model, samples, count, hop, *features);
    if (!status) return MF_OK;
    mf_free_features(*features);
    *features = NULL;
    return status;
}

void mf_free_features(mf_features *f) {
    if (!f) return;
    void *parts[] = {f->starts, f->ends, f->weights, f->silent, f->embeddings, f->reversal, f->jigsaw, f->tag_curve,
                     f->embedding, f->tags};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) free(parts[i]);
    free(f);
}

/* ---- Order ---- */

typedef struct {
    const mf_model *model;
    const float *const *pieces;
    const size_t *counts;
    size_t n, slot;
    float *tails, *heads, *window, *table; /* [n][slot] twice, [window], [model's pieces] squared */
    double *seen;                          /* [n][n] */
} Joins;

/* One slot of a window: a piece's end or beginning, half the gap silent at that edge. */
static void place(const Joins *joins, size_t piece, size_t missing, int is_tail, float *to) {
    size_t room = joins->slot - missing, count = joins->counts[piece], kept = count < room ? count : room;
    size_t spare = room - kept, excess = count - kept, before = missing / 2;
    int fits = (double)(spare + excess) <= SLACK_SECONDS * (double)joins->model->rate;
    size_t from = fits ? excess / 2 : is_tail ? excess : 0;
    before += fits ? spare / 2 : is_tail ? spare : 0;
    memset(to, 0, joins->slot * sizeof *to);
    memcpy(to + before, joins->pieces[piece] + from, kept * sizeof *to);
}

/* Score the pieces `who` in one window; with `all`, every pair of them, else those that begin with the first. */
static mf_status score(Joins *joins, const size_t *who, size_t size, int all, double *total) {
    const mf_model *model = joins->model;
    const size_t sizes[OUTPUTS] = {0, 0, 0, 0, model->pieces * model->pieces};
    float *const to[OUTPUTS] = {NULL, NULL, NULL, NULL, joins->table};
    memset(joins->window, 0, model->window * sizeof *joins->window);
    for (size_t i = 0; i < size; i++)
        memcpy(joins->window + i * joins->slot, (i ? joins->heads : joins->tails) + who[i] * joins->slot,
               joins->slot * sizeof *joins->window);
    TRY(run(model, joins->window, to, sizes));
    for (size_t a = 0; a < (all ? size : 1); a++)
        for (size_t b = 0; b < size; b++) {
            if (a == b) continue;
            total[who[a] * joins->n + who[b]] += joins->table[a * model->pieces + b];
            joins->seen[who[a] * joins->n + who[b]] += 1;
        }
    return MF_OK;
}

/* Sets of up to three pieces that hold every pair at least once, greedily few. */
static mf_status score_triples(Joins *joins, double *total) {
    size_t n = joins->n;
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++) {
            if (joins->seen[a * n + b]) continue;
            size_t who[3] = {a, b, n}, best = 0;
            for (size_t c = 0; c < n; c++) {
                size_t gain = 1 + !joins->seen[a * n + c] + !joins->seen[b * n + c];
                if (c != a && c != b && gain > best) best = gain, who[2] = c;
            }
            TRY(score(joins, who, who[2] < n ? 3 : 2, 1, total));
        }
    return MF_OK;
}

static mf_status score_couples(Joins *joins, double *total) {
    for (size_t a = 0; a < joins->n; a++)
        for (size_t b = 0; b < joins->n; b++)
            if (a != b) TRY(score(joins, (size_t[]){a, b}, 2, 0, total));
    return MF_OK;
}

/* Score of every piece directly before every other, for one gap. */
static mf_status score_joins(Joins *joins, double gap, double *total) {
    size_t n = joins->n, missing = (size_t)nearbyint(gap * (double)joins->model->rate);
    int alike = joins->model->pieces > 2; /* A model of two pieces to a window has no room for three. */
    for (size_t i = 0; i < n; i++) {
        place(joins, i, missing, 1, joins->tails + i * joins->slot);
        place(joins, i, missing, 0, joins->heads + i * joins->slot);
    }
    for (size_t i = 0; alike && i < n * joins->slot; i++) alike = joins->tails[i] == joins->heads[i];
    memset(joins->seen, 0, n * n * sizeof *joins->seen);
    TRY(alike ? score_triples(joins, total) : score_couples(joins, total));
    for (size_t i = 0; i < n * n; i++) total[i] /= fmax(joins->seen[i], 1);
    return MF_OK;
}

static double log_sum(const double *values, size_t count) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++) most = fmax(most, values[i]);
    if (most == -INFINITY) return most;
    for (size_t i = 0; i < count; i++) sum += exp(values[i] - most);
    return most + log(sum);
}

/* [2^n][n]: the best score, or the logarithm of all of them summed, over the orders of a set that end with a piece. */
static void sweep(const double *scores, size_t n, int is_sum, double *table) {
    double values[MF_MOST_PIECES];
    for (size_t i = 0; i < n << n; i++) table[i] = -INFINITY;
    for (size_t i = 0; i < n; i++) table[((size_t)1 << i) * n + i] = 0;
    for (size_t set = 1; set < (size_t)1 << n; set++)
        for (size_t last = 0; last < n; last++) {
            if (!(set >> last & 1) || !(set & (set - 1))) continue;
            double best = -INFINITY;
            for (size_t i = 0; i < n; i++) {
                values[i] = table[(set ^ (size_t)1 << last) * n + i] + scores[i * n + last];
                best = fmax(best, values[i]);
            }
            table[set * n + last] = is_sum ? log_sum(values, n) : best;
        }
}

/* Held and Karp (1962). */
static void best_order(const double *scores, size_t n, double *table, size_t *order) {
    size_t set = ((size_t)1 << n) - 1;
    sweep(scores, n, 0, table);
    for (size_t rank = n; rank-- > 0; set ^= (size_t)1 << order[rank]) {
        double most = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            double value = table[set * n + i] + (rank + 1 < n ? scores[i * n + order[rank + 1]] : 0);
            if (value > most) most = value, order[rank] = i;
        }
    }
}

static double path(const double *scores, size_t n, const size_t *order) {
    double sum = 0;
    for (size_t i = 1; i < n; i++) sum += scores[order[i - 1] * n + order[i]];
    return sum;
}

/* P(not in order as handed) when the identity has prior 1/2 and the other orders share the rest. */
static double shuffled(double identity, double partition, size_t n) {
    double others = partition + log1p(-exp(fmin(identity - partition, -1e-12))), count = lgamma((double)n + 1);
    double odds = identity - others + count + log1p(-exp(-count));
    return 1 / (1 + exp(fmin(fmax(odds, -700), 700)));
}

/* Probabilities are summed over the gaps that were tried. */
static mf_status most_probable(const double *tables, size_t gaps, const Joins *joins, mf_order_result *result) {
    size_t n = joins->n, identity[MF_MOST_PIECES], order[MF_MOST_PIECES] = {0}, best = 0;
    double partitions[64], handed[64], chosen[64], most = -INFINITY, *sums;
    TRY(reserve(&sums, n << n, sizeof *sums));
    for (size_t i = 0; i < n; i++) identity[i] = i;
    for (size_t g = 0; g < gaps; g++) {
        const double *scores = tables + g * n * n;
        best_order(scores, n, sums, order);
        if (path(scores, n, order) > most) {
            most = path(scores, n, order), best = g;
            memcpy(result->permutation, order, n * sizeof *order);
        }
        sweep(scores, n, 1, sums);
        partitions[g] = log_sum(sums + (((size_t)1 << n) - 1) * n, n);
        handed[g] = path(scores, n, identity);
    }
    free(sums);
    for (size_t g = 0; g < gaps; g++) chosen[g] = path(tables + g * n * n, n, result->permutation);
    double partition = log_sum(partitions, gaps);
    result->probability = fmin(1, exp(log_sum(chosen, gaps) - partition));
    result->shuffled = shuffled(log_sum(handed, gaps), partition, n);
    memcpy(result->scores, tables + best * n * n, n * n * sizeof *tables);
    result->gap = gaps > 1 ? (double)best * GAP_STEP : result->gap;
    return MF_OK;
}

static mf_status ordered(Joins *joins, size_t gaps, double gap, mf_order_result *result) {
    double *tables;
    size_t n = joins->n;
    mf_status status = MF_OK;
    TRY(reserve(&result->permutation, n, sizeof *result->permutation));
    TRY(reserve(&result->scores, n * n, sizeof *result->scores));
    TRY(reserve(&joins->tails, n * joins->slot, sizeof *joins->tails));
    TRY(reserve(&joins->heads, n * joins->slot, sizeof *joins->heads));
    TRY(reserve(&joins->window, joins->model->window, sizeof *joins->window));
    TRY(reserve(&joins->table, joins->model->pieces * joins->model->pieces, sizeof *joins->table));
    TRY(reserve(&joins->seen, n * n, sizeof *joins->seen));
    TRY(reserve(&tables, gaps * n * n, sizeof *tables));
    result->pieces = n, result->gap = gap;
    for (size_t g = 0; !status && g < gaps; g++)
        status = score_joins(joins, gaps > 1 ? (double)g * GAP_STEP : gap, tables + g * n * n);
    if (!status) status = most_probable(tables, gaps, joins, result);
    free(tables);
    return status;
}

static mf_status check_pieces(const Joins *joins, uint32_t sample_rate) {
    for (size_t i = 0; i < joins->n; i++) {
        TRY(check_sound(joins->model, joins->pieces[i], joins->counts[i], sample_rate));
        double seconds = (double)joins->counts[i] / (double)joins->model->rate;
        if (seconds < LEAST_SECONDS)
            return fail(MF_INPUT, "piece %zu lasts %.2f s; at least %g s is needed to compare it", i, seconds,
                        LEAST_SECONDS);
    }
    return MF_OK;
}

mf_status mf_order(const mf_model *model, const float *const *pieces, const size_t *counts, size_t n,
                   uint32_t sample_rate, double gap, mf_order_result **order) {
    if (!model || !order) return fail(MF_INPUT, "a model and a place for the order are needed");
    *order = NULL;
    if (!model->has[SUCCESSOR]) return fail(MF_MODEL, "model %s has no successor", model->name);
    if (n < 2 || n > MF_MOST_PIECES || !pieces || !counts)
        return fail(MF_INPUT, "ordering needs 2 to %d pieces, got %zu", MF_MOST_PIECES, n);
    double largest = floor((double)model->distance / (double)model->rate / GAP_STEP + 1e-9) * GAP_STEP;
    int unknown = gap == MF_GAP_UNKNOWN;
    size_t gaps = unknown ? (size_t)ceil((largest + 1e-9) / GAP_STEP) : 1;
    if ((!unknown && !(gap >= 0 && gap <= largest + 1e-9)) || gaps > 64)
        return fail(MF_INPUT, "gap must be from 0 to %.2f seconds, or MF_GAP_UNKNOWN, got %g", largest, gap);
    Joins joins = {.model = model, .pieces = pieces, .counts = counts, .n = n, .slot = model->window / model->pieces};
    TRY(check_pieces(&joins, sample_rate));
    TRY(reserve(order, 1, sizeof **order));
    mf_status status = ordered(&joins, gaps, gap, *order);
    void *parts[] = {joins.tails, joins.heads, joins.window, joins.table, joins.seen};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) free(parts[i]);
    if (!status) return MF_OK;
    mf_free_order(*order);
    *order = NULL;
    return status;
}

void mf_free_order(mf_order_result *order) {
    if (!order) return;
    free(order->permutation);
    free(order->scores);
    free(order);
}
