//! Devices by name, and whether this machine has them.
//!
//! burn panics on a worker thread where a driver is missing, so that has to be found out before burn is
//! asked.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use llmp_stage::{Error, Result};

use crate::cpu::simd::Instructions;
use crate::quiet::quietly;

/// Where tensors live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// This machine's processor; always there.
    Cpu,
    /// A GPU through Vulkan, Metal or DirectX.
    Wgpu,
    /// An NVIDIA GPU, by its number.
    Cuda(usize),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Wgpu => f.write_str("wgpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    /// Reads `cpu`, `wgpu`, `cuda`, `cuda:1`; `auto` is the best that this machine has. Does not look whether
    /// the others exist.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::best()),
            "cpu" => Ok(Self::Cpu),
            "wgpu" => Ok(Self::Wgpu),
            "cuda" => Ok(Self::Cuda(0)),
            other => match other.strip_prefix("cuda:").map(str::parse) {
                Some(Ok(number)) => Ok(Self::Cuda(number)),
                _ => Err(Error::new(format!("`{other}` is no device"))
                    .help("devices are `auto`, `cpu`, `wgpu`, `cuda` and `cuda:1`")),
            },
        }
    }
}

impl Device {
    /// The device called `name`, which this build and machine have.
    ///
    /// # Errors
    /// Where it is missing; lists those that are there.
    pub fn open(name: &str) -> Result<Self> {
        Instructions::choose_as_asked()?;
        /// What was opened: drivers are asked once, when a program begins and has nothing on the screen.
        static OPEN: Mutex<BTreeMap<String, Device>> = Mutex::new(BTreeMap::new());
        if !cfg!(any(feature = "wgpu", feature = "cuda")) {
            return Self::look_for(name);
        }
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = open.get(name) {
            return Ok(*device);
        }
        let (opened, said) = quietly(|| Self::look_for(name));
        match (opened, said.trim()) {
            (Ok(device), _) => {
                open.extend([(name.to_owned(), device), (device.to_string(), device)]);
                Ok(device)
            }
            (Err(error), "") => Err(error),
            // A driver's own words may tell why it cannot be used.
            (Err(error), said) => {
                Err(Error::new(format!("{error}; its driver says: {said}")).help_if(error.help_text()))
            }
        }
    }

    fn look_for(name: &str) -> Result<Self> {
        let device: Self = name.parse()?;
        let reason = match device {
            Self::Cpu => return Ok(device),
            Self::Wgpu => match gpu::adapters() {
                Ok(adapters) if adapters.is_empty() => "no GPU adapter was found".to_owned(),
                Ok(_) => return Ok(device),
                Err(reason) => reason,
            },
            Self::Cuda(number) => match nvidia::count() {
                Ok(count) if number < count => return Ok(device),
                Ok(count) => format!("this machine has {count} CUDA devices"),
                Err(reason) => reason,
            },
        };
        let found: Vec<String> =
            Self::found().iter().map(|(device, what)| format!("`{device}` ({what})")).collect();
        Err(Error::new(format!("device `{device}` cannot be used: {reason}"))
            .help(format!("devices found: {}", found.join(", "))))
    }

    /// All devices that this build and machine have, with what they are.
    #[must_use]
    pub fn found() -> Vec<(Self, String)> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut found = vec![(Self::Cpu, format!("{threads} threads"))];
        if let Ok(adapters) = gpu::adapters()
            && let Some(first) = adapters.into_iter().next()
        {
            found.push((Self::Wgpu, first.name));
        }
        let count = nvidia::count().unwrap_or(0);
        found.extend((0..count).map(|number| (Self::Cuda(number), "NVIDIA GPU".to_owned())));
        found
    }

    /// The error where this build has no code for it.
    #[cfg(not(all(feature = "wgpu", feature = "cuda")))]
    pub(crate) fn is_missing(self) -> Error {
        Error::new(format!("device `{self}` cannot be used: this llmp was built without it"))
    }

    /// An NVIDIA GPU before another GPU before the processor. Software adapters do not count as GPUs.
    fn best() -> Self {
        if nvidia::count().is_ok_and(|count| count > 0) {
            Self::Cuda(0)
        } else if gpu::adapters().is_ok_and(|adapters| adapters.iter().any(|adapter| adapter.hardware)) {
            Self::Wgpu
        } else {
            Self::Cpu
        }
    }
}

/// Runs code on a device's backend: `cpu` on the processor's, `gpu` with the type of the other one and its
/// device. The only place that knows which builds have which.
macro_rules! with_backend {
    ($device:expr, cpu: $cpu:expr, gpu: |$backend:ident, $place:ident| $gpu:expr) => {
        match $device {
            $crate::device::Device::Cpu => $cpu,
            #[cfg(feature = "wgpu")]
            $crate::device::Device::Wgpu => {
                type $backend = ::burn::backend::Wgpu;
                let $place = ::burn::backend::wgpu::WgpuDevice::default();
                $gpu
            }
            #[cfg(feature = "cuda")]
            $crate::device::Device::Cuda(index) => {
                type $backend = ::burn::backend::Cuda;
                let $place = ::burn::backend::cuda::CudaDevice { index };
                $gpu
            }
            #[cfg(not(all(feature = "wgpu", feature = "cuda")))]
            other => Err(other.is_missing()),
        }
    };
}
pub(crate) use with_backend;

/// A GPU as wgpu sees it.
#[cfg_attr(not(feature = "wgpu"), allow(dead_code, reason = "made by builds with wgpu only"))]
struct Adapter {
    name: String,
    hardware: bool,
}

#[cfg(not(feature = "wgpu"))]
mod gpu {
    pub(super) fn adapters() -> Result<Vec<super::Adapter>, String> {
        Err("this llmp was built without it".into())
    }
}

#[cfg(feature = "wgpu")]
mod gpu {
    pub(super) fn adapters() -> Result<Vec<super::Adapter>, String> {
        use burn::backend::wgpu::graphics::{AutoGraphicsApi, GraphicsApi};
        let instance = wgpu::Instance::default();
        let all = pollster::block_on(instance.enumerate_adapters(AutoGraphicsApi::backend().into()));
        let adapter = |adapter: wgpu::Adapter| {
            let info = adapter.get_info();
            super::Adapter { name: info.name, hardware: info.device_type != wgpu::DeviceType::Cpu }
        };
        Ok(all.into_iter().map(adapter).collect())
    }
}

#[cfg(not(feature = "cuda"))]
mod nvidia {
    pub(super) fn count() -> Result<usize, String> {
        Err("this llmp was built without it".into())
    }
}

#[cfg(feature = "cuda")]
mod nvidia {
    use std::ffi::c_int;

    const DRIVER: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };

    /// How many devices the driver reports.
    pub(super) fn count() -> Result<usize, String> {
        // SAFETY: loading the NVIDIA driver runs its initialisers, which it is made for; the two functions
        // have these signatures in every version of the driver API (`cuInit(unsigned)`,
        // `cuDeviceGetCount(int*)`).
        unsafe {
            let missing = |error| format!("the NVIDIA driver `{DRIVER}` cannot be loaded: {error}");
            let driver = libloading::Library::new(DRIVER).map_err(missing)?;
            let init = driver.get::<unsafe extern "C" fn(u32) -> c_int>(b"cuInit\0").map_err(missing)?;
            let count = driver
                .get::<unsafe extern "C" fn(*mut c_int) -> c_int>(b"cuDeviceGetCount\0")
                .map_err(missing)?;
            let status = init(0);
            let mut devices = 0;
            match if status == 0 { count(&raw mut devices) } else { status } {
                0 => Ok(usize::try_from(devices).unwrap_or(0)),
                status => Err(format!("the NVIDIA driver reports error {status}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!("cuda:3".parse::<Device>().unwrap(), Device::Cuda(3));
        assert_eq!("cuda".parse::<Device>().unwrap().to_string(), "cuda:0");
        assert!("tpu".parse::<Device>().unwrap_err().to_string().contains("`tpu`"));
        assert!("cuda:x".parse::<Device>().is_err());
        assert_eq!(Device::open("cpu").unwrap(), Device::Cpu);
    }

    #[test]
    fn a_missing_device_is_an_error_that_lists_the_others() {
        let error = Device::open("cuda:99").unwrap_err();
        assert!(error.to_string().starts_with("device `cuda:99` cannot be used"));
        assert!(error.help_text().unwrap().contains("`cpu`"));
    }
}
