/* A model file, opened and run by ONNX Runtime. */
#define _POSIX_C_SOURCE 200809L
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const MFI_NAMES[OUTPUTS] = {"embedding", "reversal", "jigsaw", "tags", "successor", "cut", "backwards"};
static const float QUIET = 0x1p-6f;

static mf_status numbers_of(const mf_model *model, const OrtTypeInfo *type, size_t *count) {
    const OrtTensorTypeAndShapeInfo *tensor = NULL;
    enum ONNXTensorElementDataType kind = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    int64_t shape[8] = {0};
    size_t axes = 0;
    ORT(model, CastTypeInfoToTensorInfo(type, &tensor));
    if (tensor) ORT(model, GetTensorElementType(tensor, &kind));
    if (tensor) ORT(model, GetDimensionsCount(tensor, &axes));
    if (kind != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || axes < 1 || axes > 8)
        return mfi_fail(MF_MODEL, "the graph does not match its card: its values are no float tensors");
    ORT(model, GetDimensions(tensor, shape, axes));
    *count = 1;
    for (size_t i = 1; i < axes; i++) {
        if (shape[i] < 1 || shape[i] > 1 << 30)
            return mfi_fail(MF_MODEL, "the graph does not match its card: an open size");
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
    size_t expected[OUTPUTS] = {0, 1, 1, model->label_count, model->pieces * model->pieces, 0, 0}, size;
    TRY(graph_size(model, "waveform", 1, &size));
    if (size != model->window)
        return mfi_fail(MF_MODEL, "the graph does not match its card: its input has %zu samples", size);
    TRY(graph_size(model, MFI_NAMES[EMBEDDING], 0, &model->dimension));
    expected[EMBEDDING] = model->dimension;
    if (model->has[CUT]) TRY(graph_size(model, MFI_NAMES[CUT], 0, &model->cut.moments));
    if (model->has[BACKWARDS]) TRY(graph_size(model, MFI_NAMES[BACKWARDS], 0, &model->backwards.moments));
    expected[CUT] = model->cut.moments;
    expected[BACKWARDS] = model->backwards.moments;
    for (int k = 0; k < OUTPUTS; k++) {
        if (!model->has[k]) continue;
        TRY(graph_size(model, MFI_NAMES[k], 0, &size));
        if (!size || size != expected[k]) return mfi_fail(MF_MODEL, "the graph does not match its card: %s", MFI_NAMES[k]);
    }
    return MF_OK;
}

static mf_status load(mf_model *model, const char *path, int threads) {
    OrtSessionOptions *options;
    OrtModelMetadata *metadata;
#ifdef _WIN32
    wchar_t place[4096];
    if (mbstowcs(place, path, 4096) >= 4096) return mfi_fail(MF_INPUT, "the model's path is too long");
#else
    const char *place = path;
    setenv("ORT_DISABLE_TELEMETRY", "1", 0); /* ONNX Runtime reports usage from 1.29 on, unless told not to. */
#endif
    ORT(model, CreateEnv(ORT_LOGGING_LEVEL_ERROR, "musicfeat", &model->env));
    ORT(model, DisableTelemetryEvents(model->env));
    ORT(model, CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &model->memory));
    ORT(model, CreateSessionOptions(&options));
    mf_status status = mfi_answered(model->ort, model->ort->SetIntraOpNumThreads(options, threads));
    if (!status && mfi_answered(model->ort, model->ort->CreateSession(model->env, place, options, &model->session)))
        status = MF_MODEL;
    model->ort->ReleaseSessionOptions(options);
    TRY(status);
    ORT(model, SessionGetModelMetadata(model->session, &metadata));
    status = mfi_read_card(model, metadata);
    model->ort->ReleaseModelMetadata(metadata);
    TRY(status);
    return check_graph(model);
}

mf_status mf_open(const char *path, int threads, mf_model **model) {
    if (!model) return mfi_fail(MF_INPUT, "there is no place for the model: pass the address of a pointer");
    *model = NULL;
    if (!path || !*path) return mfi_fail(MF_INPUT, "path of the model file is missing");
    if (threads < 0) return mfi_fail(MF_INPUT, "threads must be a whole number from 0, got %d", threads);
    const OrtApi *ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    if (!ort) {
        const char *found = OrtGetApiBase()->GetVersionString();
        return mfi_fail(MF_RUNTIME, "ONNX Runtime %s is older than its header, API %d: update it", found, ORT_API_VERSION);
    }
    TRY(mfi_reserve(model, 1, sizeof **model));
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
        .has_jigsaw = model->has[JIGSAW], .has_tags = model->has[TAGS], .has_successor = model->has[SUCCESSOR],
        .has_cut = model->has[CUT], .has_backwards = model->has[BACKWARDS]};
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
    mf_status status = mfi_answered(model->ort, model->ort->GetTensorShapeElementCount(shape, &found));
    model->ort->ReleaseTensorTypeAndShapeInfo(shape);
    TRY(status);
    if (found != size) return mfi_fail(MF_MODEL, "%s has %zu numbers where its card says %zu", name, found, size);
    ORT(model, GetTensorMutableData(value, (void **)&data));
    memcpy(to, data, size * sizeof *to);
    return MF_OK;
}

mf_status mfi_run(const mf_model *model, float *window, float *const to[OUTPUTS], const size_t sizes[OUTPUTS]) {
    const char *inputs[] = {"waveform"}, *names[OUTPUTS];
    const int64_t shape[] = {1, (int64_t)model->window};
    OrtValue *input = NULL, *values[OUTPUTS] = {0};
    int kinds[OUTPUTS], wanted = 0;
    for (int k = 0; k < OUTPUTS; k++)
        if (to[k]) names[wanted] = MFI_NAMES[k], kinds[wanted++] = k;
    if (!model->level_matters) level(window, model->window);
    ORT(model, CreateTensorWithDataAsOrtValue(model->memory, window, model->window * sizeof *window, shape, 2,
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    const OrtValue *const given[] = {input};
    mf_status status = mfi_answered(
        model->ort, model->ort->Run(model->session, NULL, inputs, given, 1, names, (size_t)wanted, values));
    for (int i = 0; i < wanted; i++) {
        if (!status) status = copied(model, values[i], names[i], to[kinds[i]], sizes[kinds[i]]);
        if (values[i]) model->ort->ReleaseValue(values[i]);
    }
    model->ort->ReleaseValue(input);
    return status;
}
