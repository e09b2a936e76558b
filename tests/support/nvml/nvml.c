/* NVML's C interface with made-up GPUs, for what no hardware does on command: hang, fail, vanish.

   Functions, structures and numbers are those of nvml.h. What goes wrong stands in the file that NVML_FILE names,
   which is read at every call, a line each:

       devices 2              how many GPUs there are
       gone 0                 the GPU of this serial number is not among them
       mig 1                  this GPU is in MIG mode, with two MIG devices
       nvmlInitWithFlags 9    this function returns this code; -1: it hangs until the line is gone
       nvmlDeviceGetName/1 15 the same for one GPU only
       process 0 4711 1000    this GPU holds memory of a process

   A line is added to the file of the name with ".calls" for each opening and closing. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

typedef struct device { int serial, mig; } *device_t;
static struct device gpus[8], migs[8][7];
static int order[8], count;

static int lines(const char *name, int number, long *values, int most) {
    char line[256], key[128];
    int found = 0;
    FILE *file = fopen(getenv("NVML_FILE"), "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        long a = 0, b = 0, c = 0;
        int read = sscanf(line, "%127s %ld %ld %ld", key, &a, &b, &c);
        if (read < 2 || strcmp(key, name)) continue;
        if (number >= 0 && a != number) continue;
        if (found + 1 < most) { values[found] = number >= 0 ? b : a; values[found + 1] = c; }
        found += 2;
    }
    fclose(file);
    return found / 2;
}

static int answer(const char *name, device_t device) {
    char one[128];
    long values[2];
    if (device) snprintf(one, sizeof one, "%s/%d", name, device->serial);
    for (;;) {
        int code = SUCCESS;
        if (lines(name, -1, values, 2)) code = (int)values[0];
        else if (device && lines(one, -1, values, 2)) code = (int)values[0];
        if (code != -1) return code;
        usleep(10000);
    }
}

#define ANSWER(device) do { int code = answer(__func__, device); if (code) return code; } while (0)

static void called(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s.calls", getenv("NVML_FILE"));
    FILE *file = fopen(path, "a");
    if (file) { fprintf(file, "%s %d\n", name, getpid()); fclose(file); }
}

int nvmlInitWithFlags(unsigned flags) {
    long values[2];
    ANSWER(NULL);
    called("open");
    count = 0;
    int all = lines("devices", -1, values, 2) ? (int)values[0] : 1;
    for (int serial = 0; serial < all; serial++)
        if (!lines("gone", serial, values, 2)) order[count++] = serial;
    return SUCCESS;
}

int nvmlShutdown(void) { ANSWER(NULL); called("close"); return SUCCESS; }

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    ANSWER(NULL); snprintf(text, length, "535.0.1"); return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *number) { ANSWER(NULL); *number = count; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t *device) {
    if ((int)index >= count) return INVALID_ARGUMENT;
    *device = &gpus[order[index]];
    (*device)->serial = order[index];
    (*device)->mig = -1;
    ANSWER(*device);
    return SUCCESS;
}

int nvmlDeviceGetUUID(device_t device, char *text, unsigned length) {
    ANSWER(device);
    if (device->mig < 0) snprintf(text, length, "GPU-%d", device->serial);
    else snprintf(text, length, "MIG-%d-%d", device->serial, device->mig);
    return SUCCESS;
}

int nvmlDeviceGetName(device_t device, char *text, unsigned length) {
    ANSWER(device);
    snprintf(text, length, device->mig < 0 ? "Made-up GPU" : "Made-up GPU MIG 1g.10gb");
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(device_t device, unsigned *rates) {
    ANSWER(device); rates[0] = 75; rates[1] = 25; return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(device_t device, unsigned long long *memory) {
    ANSWER(device);
    unsigned long long total = device->mig < 0 ? 80ull << 30 : 10ull << 30;
    memory[0] = total; memory[1] = total - (2ull << 30); memory[2] = 2ull << 30;
    return SUCCESS;
}

#define NUMBER(function, value) \
    int function(device_t device, unsigned *found) { ANSWER(device); *found = value; return SUCCESS; }
NUMBER(nvmlDeviceGetPowerUsage, 250500)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, 700000)
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, 5)
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, 16)

int nvmlDeviceGetTotalEnergyConsumption(device_t device, unsigned long long *millijoules) {
    ANSWER(device); *millijoules = 1234500; return SUCCESS;
}

int nvmlDeviceGetTemperatureV(device_t device, int *asked) { ANSWER(device); asked[2] = 61; return SUCCESS; }

int nvmlDeviceGetTemperature(device_t device, int sensor, unsigned *found) {
    ANSWER(device); *found = 62; return SUCCESS;
}

int nvmlDeviceGetClockInfo(device_t device, int type, unsigned *found) {
    ANSWER(device); *found = type == 1 ? 1980 : type == 2 ? 2619 : 0; return SUCCESS;
}

int nvmlDeviceGetCurrentClocksEventReasons(device_t device, unsigned long long *bits) {
    ANSWER(device); *bits = 0x4 | 0x40 | 0x4000; return SUCCESS;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(device_t device, unsigned long long *bits) {
    ANSWER(device); *bits = 0x1; return SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(device_t device, int error, int counter, unsigned long long *found) {
    ANSWER(device); *found = 1 + 2 * counter + error; return SUCCESS;
}

int nvmlDeviceGetPcieThroughput(device_t device, int counter, unsigned *found) {
    ANSWER(device); *found = counter == 0 ? 3000 : 5000; return SUCCESS;
}

int nvmlDeviceGetMigMode(device_t device, unsigned *now, unsigned *later) {
    long values[2];
    ANSWER(device);
    *now = *later = lines("mig", device->serial, values, 2) > 0;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(device_t device, unsigned *number) { ANSWER(device); *number = 7; return SUCCESS; }

int nvmlDeviceGetMigDeviceHandleByIndex(device_t device, unsigned index, device_t *mig) {
    ANSWER(device);
    if (index != 0 && index != 3) return NOT_FOUND;
    *mig = &migs[device->serial][index];
    (*mig)->serial = device->serial;
    (*mig)->mig = (int)index;
    return SUCCESS;
}

struct process { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; };

int nvmlDeviceGetComputeRunningProcesses_v3(device_t device, unsigned *number, struct process *found) {
    long values[64];
    ANSWER(device);
    int all = device->mig > 0 ? 0 : lines("process", device->serial, values, 64);
    if (!all) { *number = 0; return SUCCESS; }
    if ((int)*number < all) { *number = all; return INSUFFICIENT_SIZE; }
    for (int place = 0; place < all; place++) {
        found[place].pid = (unsigned)values[2 * place];
        found[place].used = (unsigned long long)values[2 * place + 1];
    }
    *number = all;
    return SUCCESS;
}
