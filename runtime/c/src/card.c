/* The model's card: JSON in the file's metadata. */
#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mf_status looked_up(const mf_model *model, OrtModelMetadata *metadata, const char *key, char **text) {
    OrtAllocator *allocator;
    char *found = NULL;
    ORT(model, GetAllocatorWithDefaultOptions(&allocator));
    ORT(model, ModelMetadataLookupCustomMetadataMap(metadata, allocator, key, &found));
    if (!found) return mfi_fail(MF_MODEL, "not a musicfeat model (no %s in its metadata): use musicfeat-export", key);
    mf_status status = mfi_reserve(text, strlen(found) + 1, 1);
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
    return good ? MF_OK : mfi_fail(MF_MODEL, "a damaged model card: %s is no whole number from 1: export it anew", key);
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
    TRY(mfi_reserve(list, most + 1, sizeof **list));
    (*list)[0] = text;
    char *place = text + strspn(text, " \t\r\n");
    int good = *place++ == '[';
    for (*count = 0; good && *(place += strspn(place, " ,\t\r\n")) != ']';) {
        char *one = string_at(&place);
        good = one && *count < most;
        if (good) (*list)[++*count] = one;
    }
    return good ? MF_OK : mfi_fail(MF_MODEL, "a damaged model card: no list of texts: export it anew");
}

static mf_status text_of(const mf_model *model, OrtModelMetadata *metadata, const char *key, char **text) {
    TRY(looked_up(model, metadata, key, text));
    char *place = *text, *found = string_at(&place);
    if (!found) return mfi_fail(MF_MODEL, "a damaged model card: %s is no text: export it anew", key);
    memmove(*text, found, strlen(found) + 1);
    return MF_OK;
}

static mf_status read_outputs(mf_model *model, OrtModelMetadata *metadata) {
    char *text, **list = NULL;
    size_t count = 0;
    TRY(looked_up(model, metadata, "outputs", &text));
    mf_status status = strings_of(text, &list, &count);
    for (size_t i = 1; !status && i <= count; i++)
        for (int k = 0; k < OUTPUTS; k++) model->has[k] |= !strcmp(list[i], MFI_NAMES[k]);
    free(list);
    free(text);
    TRY(status);
    return model->has[EMBEDDING] ? MF_OK : mfi_fail(MF_MODEL, "a damaged model card: no embedding: export it anew");
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

/* The two numbers of one of the card's curves. */
static mf_status read_timing(const mf_model *model, const char *text, const char *name, Timing *timing) {
    double longest = (double)model->window / (double)model->rate;
    char quoted[16], *end = NULL;
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    const char *place = strstr(text, quoted);
    if (place && (place = strchr(place, '['))) timing->step = strtod(place + 1, &end);
    int good = end && *end == ',' && timing->step > 0 && timing->step <= longest;
    if (good) timing->first = strtod(place = end + 1, &end);
    if (good && end != place && *end == ']' && fabs(timing->first) <= longest) return MF_OK;
    return mfi_fail(MF_MODEL, "a damaged model card: no times of the curve %s: export it anew", name);
}

static mf_status read_curves(mf_model *model, OrtModelMetadata *metadata) {
    char *text;
    if (!model->has[CUT] && !model->has[BACKWARDS]) return MF_OK;
    TRY(looked_up(model, metadata, "curves", &text));
    mf_status status = model->has[CUT] ? read_timing(model, text, MFI_NAMES[CUT], &model->cut) : MF_OK;
    if (!status && model->has[BACKWARDS]) status = read_timing(model, text, MFI_NAMES[BACKWARDS], &model->backwards);
    free(text);
    return status;
}

mf_status mfi_read_card(mf_model *model, OrtModelMetadata *metadata) {
    char *contract, *labels;
    TRY(looked_up(model, metadata, "musicfeat_contract", &contract));
    int known = !strcmp(contract, "1");
    if (!known) mfi_fail(MF_MODEL, "the model keeps contract %.20s, this library reads 1: export the model anew", contract);
    free(contract);
    if (!known) return MF_MODEL;
    TRY(whole_number(model, metadata, "sample_rate", &model->rate));
    TRY(whole_number(model, metadata, "window", &model->window));
    TRY(whole_number(model, metadata, "hop", &model->hop));
    TRY(whole_number(model, metadata, "pieces", &model->pieces));
    TRY(whole_number(model, metadata, "piece_distance", &model->distance));
    if (model->hop > model->window || model->pieces < 2 || model->pieces > model->window)
        return mfi_fail(MF_MODEL, "a damaged model card: window, hop and pieces do not agree: export it anew");
    TRY(text_of(model, metadata, "name", &model->name));
    TRY(text_of(model, metadata, "version", &model->version));
    TRY(read_outputs(model, metadata));
    TRY(read_level(model, metadata));
    TRY(read_curves(model, metadata));
    TRY(looked_up(model, metadata, "labels", &labels));
    mf_status status = strings_of(labels, &model->labels, &model->label_count);
    if (!model->labels) free(labels);
    return status;
}
